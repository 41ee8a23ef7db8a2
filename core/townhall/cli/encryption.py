"""``townhall encryption``: the key of what is encrypted, and taking over what was written before."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from townhall.cli.context import open_town
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.encryption import KeyProblem
from townhall.records import encrypting
from townhall.town import Town


@click.group("encryption")
def encryption() -> None:
    """Confidential values that are kept encrypted, and their key."""


@encryption.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """List the fields that are encrypted, and the values that are not kept as they should be."""
    with open_town() as town:
        waiting = {(each.identity, each.field): each for each in encrypting.waiting(town)}
        lines = [
            {
                "type": record_type.identity,
                "field": name,
                "encrypted": name in encrypting.encrypted(town, record_type),
                "waiting": waiting[record_type.identity, name].count if (record_type.identity, name) in waiting else 0,
            }
            for record_type in town.schemas.values()
            for name in record_type.fields
            if name in encrypting.encrypted(town, record_type) or (record_type.identity, name) in waiting
        ]
    if as_json:
        print_json(lines)
        return
    if not lines:
        click.echo("No field is encrypted.")
        return
    print_table(
        ("TYPE", "FIELD", "ENCRYPTED", "WAITING"),
        [
            (str(each["type"]), str(each["field"]), "yes" if each["encrypted"] else "no", str(each["waiting"]))
            for each in lines
        ],
    )


@encryption.command("apply")
def apply() -> None:
    """Encrypt what was written before a field was encrypted, and decrypt what is not to be encrypted any more."""
    with open_town() as town:
        done = encrypting.apply(town)
    click.echo(f"{done:,} values were taken over." if done else "Everything is kept as it should be.")


@encryption.command("rotate")
def rotate() -> None:
    """Make a new key, and encrypt the values of all records with it.

    Earlier keys stay in the file: history, which nobody may rewrite, is read with them.
    """
    with open_town() as town:
        mark = town.vault.rotate()
        done = encrypting.renew(town)
    what = "1 value is" if done == 1 else f"{done:,} values are"
    click.echo(f"The new key {mark} is in {town.vault.file}; {what} encrypted with it. Keep a copy apart.")


def findings(town: Town) -> Iterator[tuple[bool, str]]:
    """What ``townhall doctor`` says about it: nothing where nothing is encrypted."""
    used = any(encrypting.encrypted(town, record_type) for record_type in town.schemas.values())
    if not used and not town.vault.known:
        return
    if town.vault.known or town.vault.file.exists():
        try:
            there = set(town.vault.fingerprints())
        except KeyProblem as problem:
            yield False, str(problem)
            return
        if lost := set(town.vault.known) - there:
            yield (
                False,
                f"keys that values were encrypted with are not in {town.vault.file}: {', '.join(sorted(lost))}.",
            )
        elif os.name == "posix" and town.vault.file.stat().st_mode & 0o077:
            yield False, f"others can read {town.vault.file}; run: chmod 600 {town.vault.file}"
        else:
            yield True, f"{town.vault.file} has the key, for the owner alone. Keep a copy apart from the backups."
    count = sum(each.count for each in encrypting.waiting(town))
    if count:
        yield False, f"{count:,} values are not kept as they should be; run: townhall encryption apply"
