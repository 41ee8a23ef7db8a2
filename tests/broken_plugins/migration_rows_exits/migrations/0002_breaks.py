"""Takes lines away from the table of a type's rows, then wants the process to end."""

import sys


def migrate(step):
    """Empty the table, then exit."""
    step.sql("DELETE FROM migration_rows_exits_thing_lines")
    sys.exit(3)
