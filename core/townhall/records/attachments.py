"""Giving out the files of records: to whoever may see the field that a file is in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.errors import NotFound
from townhall.records import reading
from townhall.records import revealing
from townhall.records.plans import possible
from townhall_forms.context import StoredFile

if TYPE_CHECKING:
    from townhall.town import Town


def sent_files(town: Town, actor: Actor, identity: str, id: int) -> dict[str, int]:
    """How many files came from the public with a record, by field: told to whoever it belongs to, and to nobody else.

    What is in them, and what they are called, the field's privacy decides; that they arrived is no secret from who sent
    them.
    """
    return town.files.sent(identity, id) if policy.granted(actor, town.schemas[identity], id) else {}


def open_file(town: Town, actor: Actor, file_id: int, reason: str = "") -> tuple[StoredFile, Path]:
    """The file and where its bytes stand. Raises :class:`~townhall.errors.NotFound` if there is none for the actor.

    One that is confidential is opened for a ``reason``, which is written down as every look at a confidential value is;
    without it :class:`~townhall.errors.ValidationFailed` is raised.
    """
    table = town.system.attachment
    row = (
        table.select(table.identity, table.record_id, table.field)
        .where(table.id.in_(possible([file_id])), table.record_id.is_null(False))
        .tuples()
        .first()
    )
    missing = NotFound("This file can't be found. It may have been removed.")
    if row is None or row[0] not in town.schemas:
        raise missing
    identity, record_id, field = row
    access = policy.readable(actor, town.schemas[identity])
    if field in access.masked:
        value = revealing.reveal(town, actor, identity, record_id, field, reason)
    else:
        value = reading.get(town, actor, identity, record_id, fields=(field,)).values.get(field)
    files: tuple[StoredFile, ...] = value if isinstance(value, tuple) else (value,) if value is not None else ()
    for file in files:
        if file.id == file_id and town.files.path(file.checksum).is_file():
            return file, town.files.path(file.checksum)
    raise missing
