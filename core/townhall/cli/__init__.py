"""The ``townhall`` command: every promise that can be kept without a browser.

Exit codes: 0 done, 1 failed with a sentence, 2 used wrongly.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click

from townhall.cli.backing_up import backup
from townhall.cli.backing_up import restore
from townhall.cli.context import DEFAULT_INSTANCE
from townhall.cli.context import Commands
from townhall.cli.demo import demo_command
from townhall.cli.encryption import encryption
from townhall.cli.exporting import export
from townhall.cli.history import history
from townhall.cli.importing import import_command
from townhall.cli.jobs import jobs
from townhall.cli.layer import layer
from townhall.cli.messages import messages
from townhall.cli.migrating import migrate
from townhall.cli.plugins import plugins
from townhall.cli.roles import roles
from townhall.cli.schema import schema
from townhall.cli.secrets import secrets
from townhall.cli.serving import serve
from townhall.cli.setup import doctor
from townhall.cli.setup import init
from townhall.cli.users import users
from townhall.cli.wards import wards

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--instance",
    # Whether it can be read is said in a sentence of our own, with what to do.
    type=click.Path(path_type=Path, file_okay=False, readable=False),
    envvar="TOWNHALL_INSTANCE",
    default=DEFAULT_INSTANCE,
    show_default=True,
    help="Folder of the town.",
)
@click.version_option(version("townhall"), prog_name="Townhall")
@click.pass_context
def main(context: click.Context, instance: Path) -> None:
    """Townhall keeps a small town's relationships: contacts, cases, events and public forms."""
    context.obj = instance


setting_up = (
    init,
    serve,
    doctor,
    migrate,
    backup,
    restore,
    users,
    roles,
    secrets,
    encryption,
    wards,
    plugins,
    jobs,
    layer,
    schema,
    history,
)
for command in (*setting_up, messages, export, import_command, demo_command):
    main.add_command(command)
