"""What all commands share: which town is meant, and how errors are told."""

from __future__ import annotations

import getpass
import io
import json
import os
import sys
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import peewee

from townhall import private
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import ConfigurationError
from townhall.errors import TownhallError
from townhall.town import Town
from townhall_forms.errors import FormsError

#: The folder of the town, when neither the option nor the variable names one.
DEFAULT_INSTANCE = Path("instance")


class Commands(click.Group):
    """A group of commands that tells known errors in a sentence, with exit code 1."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command. What goes to a file or another program is UTF-8: Windows would use an alphabet in which
        not all names can be written, and stop in the middle.
        """
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
                stream.reconfigure(encoding="utf-8")
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (TownhallError, FormsError) as error:
            raise click.ClickException(str(error)) from error
        except peewee.DatabaseError as error:
            raise click.ClickException(
                f"The database refused: {error}. Run townhall doctor to look into it."
            ) from error


def instance_folder() -> Path:
    """The folder of the town that the command is about.

    Raises :class:`~townhall.errors.ConfigurationError` if it is another account's.
    """
    given = click.get_current_context().find_root().obj
    folder = given if isinstance(given, Path) else DEFAULT_INSTANCE
    if reason := private.unreadable(folder):
        raise ConfigurationError(reason)
    return folder


@contextmanager
def open_town(*, safe_mode: bool = False) -> Iterator[Town]:
    """The town that the command is about, open."""
    town = Town.open(instance_folder(), safe_mode=safe_mode)
    try:
        yield town
    finally:
        town.close()


def operator() -> Actor:
    """The actor of commands: whoever may run them on the server may do everything, and stands in the history."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):
        name = "somebody"
    return system("cli", f"{name} (command line)")


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns, for people."""
    widths = [max(len(row[index]) for row in (headings, *rows)) for index in range(len(headings))]
    for row in (headings, *rows):
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def ask_password(variable: str = "") -> str:
    """A new password: from the environment, typed twice at a terminal, or one line of standard input."""
    if variable and variable in os.environ:
        return os.environ[variable]
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt="Password again"))
    typed = sys.stdin.readline().rstrip("\r\n")
    if not typed:
        hint = f"set {variable}, or " if variable else ""
        raise click.UsageError(f"A password is needed: {hint}write it as one line to standard input.")
    return typed
