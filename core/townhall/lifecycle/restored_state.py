"""What a town that is brought back must not take up as it was when its backup was made.

Whoever was signed in then may have left since, links to set a password may have been used, and what waited to be sent
may have gone out. So sessions end, such links end, and mails that waited wait for a person. Running processes, if there
are any in spite of all, find a generation that they don't know.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from townhall.db import meta
from townhall.db.system import SystemTables
from townhall.lifecycle import backup_contents
from townhall.lifecycle.backup_files import SECRET_KEY
from townhall.lifecycle.backup_files import BackupReader
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall.secret_key import SECRET_FILE

if TYPE_CHECKING:
    from townhall.lifecycle.restore_target import Target

#: The fact under which a town remembers its last backup.
LAST_BACKUP = "last_backup"
#: The fact under which a town remembers which backup it was brought back from.
_RESTORED = "restored"
#: What ends: who is signed in, and what lets somebody set a password or asks for a link.
_ENDED = ("user_session", "citizen_session", "account_link", "link_request")
#: What can't go on without the secret key that it was made with.
_OF_THE_SECRET = ("second_factor", "recovery_code")


@dataclass(frozen=True, slots=True)
class State:
    """What is written into the database of a backup before it takes the place of another.

    ``mark`` tells this restore from all others; ``forget_code_apps`` says that the secret key is another one.
    """

    mark: str
    generation: int
    tables: frozenset[str]
    fact: str
    backup: str
    held: str
    forget_code_apps: bool


def of(target: Target, reader: BackupReader, at: datetime, generation: str) -> State:
    """The state for a town whose generation is this text so far; empty if there is none."""
    about, mark = reader.about, secrets.token_hex(16)
    present = int(generation) if generation.isdigit() else 0
    made = about.made.astimezone(target.settings.zone)
    secret_is_kept = reader.has(SECRET_KEY) or (
        bool(about.secret) and backup_contents.mark_of(target.instance / SECRET_FILE) == about.secret
    )
    fact = {"mark": mark, "at": to_microseconds(at), "made_at": about.made_at, "file": reader.file.name}
    return State(
        mark=mark,
        # A number that no process has seen, in whichever of the two towns.
        generation=max(present, about.generation, int(at.timestamp())) + 1,
        tables=frozenset(about.tables),
        fact=json.dumps(fact),
        backup=json.dumps({"at": about.made_at, "file": reader.file.name}),
        held=f"The town was brought back from its backup of {made:%Y-%m-%d %H:%M}; this may have gone out since.",
        forget_code_apps=not secret_is_kept,
    )


def statements(state: State, schema: str = "") -> list[str]:
    """The SQL that writes it, on either engine. ``schema`` stands before the names of tables."""
    ended = [*_ENDED, *(_OF_THE_SECRET if state.forget_code_apps else ())]
    found = [f'DELETE FROM {schema}"{table}"' for table in ended if table in state.tables]  # noqa: S608
    if "outbox" in state.tables:
        # As messages.outbox holds messages: a person lets them go out, or drops them.
        found.append(
            f'UPDATE {schema}"outbox" SET "status" = \'held\', "error" = {_text(state.held)}, "claim" = \'\''  # noqa: S608
            " WHERE \"channel\" = 'email' AND \"status\" IN ('queued', 'sending', 'failed')"
        )
    facts = {meta.GENERATION: str(state.generation), _RESTORED: state.fact, LAST_BACKUP: state.backup}
    for key, value in facts.items():
        found.append(
            f'INSERT INTO {schema}"meta" ("key", "value") VALUES ({_text(key)}, {_text(value)})'  # noqa: S608
            ' ON CONFLICT ("key") DO UPDATE SET "value" = excluded."value"'
        )
    return found


def is_marked(system: SystemTables, mark: str) -> bool:
    """Whether the database is that of the restore with this mark."""
    said = meta.get(system, _RESTORED)
    return bool(said) and json.loads(said).get("mark") == mark


def in_words(system: SystemTables, zone: ZoneInfo) -> str:
    """When the town was brought back and from which backup, as a sentence; empty if it never was."""
    said = meta.get(system, _RESTORED)
    if not said:
        return ""
    told = json.loads(said)
    at, made = (f"{from_microseconds(told[each]).astimezone(zone):%Y-%m-%d %H:%M}" for each in ("at", "made_at"))
    return f"The town was brought back {at} from {told['file']} of {made}."


def _text(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"
