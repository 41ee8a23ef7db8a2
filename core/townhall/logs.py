"""Lines in the log that say one thing each, whatever somebody typed into an address or a form."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: What PostgreSQL says of a row in detail: its values, whatever they are. Another exception may follow.
_DETAIL = re.compile(r"\nDETAIL: .*?(?=\n\n(?:During handling of|The above exception was)|\Z)", re.DOTALL)
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def one_line(text: str) -> str:
    """Text without anything that would begin a new line in a log, or move a terminal's cursor."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


class LogLines(logging.Formatter):
    """Writes a message in one line; lines of a traceback below it are set in, so that none looks like a message.

    What a record holds doesn't belong in a log: the details of a database's error are left out.
    """

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's own name
        """The traceback, without the values of a row that the database refused."""
        return _DETAIL.sub("\nDETAIL left out, since it holds values", super().formatException(ei))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's own name
        """The message with its time and its level."""
        record.message = one_line(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """All of it."""
        first, *rest = super().format(record).splitlines()
        return "\n".join([first, *(f"    {one_line(line)}" for line in rest)])


def write_to_stderr() -> None:
    """Let the log be written, line by line as here, unless whoever runs this has set up logging already."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogLines(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
