"""What a plugin's records hold, as plain values, and what of it is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from townhall.db.ledger import Entry
from townhall.testing.conformance.trial import Trial

#: Values as JSON by type, id of the record (as text) and field.
Kept = dict[str, dict[str, dict[str, Any]]]


def records(trial: Trial) -> Kept:
    """Every record of the plugin's types."""
    kept: Kept = {}
    for record_type in trial.types:
        found: dict[str, dict[str, Any]] = {}
        after = ""
        while True:
            page = trial.town.records.find(
                trial.actor, record_type.identity, sort="created", limit=500, after=after, archived=None
            )
            for record in page.records:
                values = {name: record[name] for name in record_type.fields if record.get(name) is not None}
                plain = {name: record_type.fields[name].to_json(value) for name, value in values.items()}
                found[str(record.id)] = json.loads(json.dumps(plain, default=str))
            after = page.after
            if not after:
                break
        kept[record_type.identity] = found
    return kept


def lost(before: Kept, after: Kept, migrations: Sequence[Entry] = ()) -> Iterator[str]:
    """What was there before and is not there, or not the same, afterwards; new fields are none of it.

    Where ``migrations`` ran in between, what they renamed is looked for under its new name, and a value may be another;
    where one of them is code, it may have moved elsewhere.
    """
    coded = any(entry.name.endswith(".py") for entry in migrations)
    for identity, found in before.items():
        there = after.get(_today(migrations, identity)[0])
        if there is None:
            yield f"{identity}: the type is gone, with {len(found)} records. Rename it with a migration."
            continue
        for id, values in found.items():
            now = there.get(id)
            if now is None:
                yield f"{identity}: record {id} is gone."
                continue
            for name, value in values.items():
                new = _today(migrations, identity, name)[1]
                if (new not in now and not coded) or (now.get(new) != value and not migrations):
                    yield f"{identity}: the value of “{name}” is not what it was. Rename or change it with a migration."


def _today(migrations: Sequence[Entry], identity: str, name: str = "") -> tuple[str, str]:
    """What a type and its field are called after these migrations."""
    for effect in (effect for entry in migrations for effect in entry.effects):
        if effect["verb"] == "rename_type" and effect["from"] == identity:
            identity = effect["to"]
        elif effect["verb"] == "rename_field" and (effect["type"], effect["from"]) == (identity, name):
            name = effect["to"]
    return identity, name
