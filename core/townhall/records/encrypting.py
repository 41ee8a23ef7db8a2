"""Values that are kept encrypted: in a table of their own, and sealed in history, with a key that no database holds.

A field is encrypted if its schema says so, or if it is confidential and the town's settings ask for all of these. Its
columns then stay empty. What was written before stays readable until :func:`apply` has taken it over, and what is
encrypted stays readable when the schema or the setting asks for it no more.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.db import meta
from townhall.db.transactions import immediate
from townhall.encryption import KEYS_USED
from townhall.encryption import KeyProblem
from townhall.encryption import is_sealed
from townhall.records import ids as ids_of
from townhall.records.plans import batches
from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import encode_json
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

_COLUMNS = ("identity", "record_id", "field", "value")
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that is there and can't be read, since its key is missing. It equals only itself, so it is left alone."""

    sealed: str

    def __str__(self) -> str:
        return "encrypted"


def is_encrypted(town: Town, field: Field) -> bool:
    """Whether new values of a field are kept encrypted."""
    wanted = field.encrypt or (town.settings.encrypt_confidential and field.privacy == "confidential")
    return wanted and field.can_encrypt


def encrypted(town: Town, record_type: RecordType) -> frozenset[str]:
    """Names of the fields of a type whose new values are kept encrypted."""
    kept, key = plans(town).kept, ("encrypted", record_type.identity)
    if key not in kept:
        kept[key] = frozenset(name for name, field in record_type.fields.items() if is_encrypted(town, field))
    found: frozenset[str] = kept[key]
    return found


def _sealed(town: Town, record_type: RecordType) -> frozenset[str]:
    """Names of the fields of a type of which some values may be encrypted."""
    if not town.vault.known:
        return encrypted(town, record_type)
    kept, key = plans(town).kept, ("sealed", record_type.identity)
    if key not in kept:
        table = town.system.sealed_value
        query = table.select(table.field).where(table.identity == record_type.identity).distinct()
        there = {name for (name,) in query.tuples()} & record_type.fields.keys()
        kept[key] = encrypted(town, record_type) | there
    found: frozenset[str] = kept[key]
    return found


# -- reading ------------------------------------------------------------------------------------------------------


def fill_in(
    town: Town,
    record_type: RecordType,
    values: Mapping[int, dict[str, Any]],
    needed: Collection[str],
    masked: Collection[str],
) -> None:
    """Put the encrypted ones of the fields ``needed`` into the values of records, by id.

    Of those in ``masked`` nobody will see more than that they are there, so they are not decrypted.
    """
    names = sorted(_sealed(town, record_type) & frozenset(needed))
    if not names or not values:
        return
    table = town.system.sealed_value
    for part in batches(list(values)):
        query = table.select(table.record_id, table.field, table.value).where(
            table.identity == record_type.identity, table.record_id.in_(list(part)), table.field.in_(names)
        )
        for id, name, sealed in query.tuples():
            hidden = name in masked
            values[id][name] = Unreadable(sealed) if hidden else _opened(town, record_type.fields[name], sealed)


def _opened(town: Town, field: Field, sealed: str) -> Any:
    try:
        return field.from_columns(json.loads(town.vault.open(sealed)))
    except KeyProblem:
        return Unreadable(sealed)


# -- writing ------------------------------------------------------------------------------------------------------


def write(
    town: Town, record_type: RecordType, records: Iterable[tuple[int, Mapping[str, Any]]], names: Collection[str] = ()
) -> None:
    """Keep the encrypted values of records: of new ones, or those of the fields ``names`` in place of earlier ones."""
    wanted = encrypted(town, record_type) & frozenset(names) if names else encrypted(town, record_type)
    if not wanted:
        return
    rows: list[tuple[str, int, str, str]] = []
    for id, values in records:
        if names:
            _forget(town, record_type.identity, [id], wanted)
        for name in sorted(wanted):
            value = values.get(name)
            if value is not None:
                rows.append((record_type.identity, id, name, _seal(town, record_type.fields[name], value)))
    if rows:
        town.database.insert_rows("sealed_value", _COLUMNS, rows)
        _note_keys(town)


def _seal(town: Town, field: Field, value: Any) -> str:
    if isinstance(value, Unreadable):
        return value.sealed
    return town.vault.seal(encode_json(dict(field.to_columns(value))))


def _forget(town: Town, identity: str, ids: Sequence[int], names: Collection[str]) -> None:
    table = town.system.sealed_value
    table.delete().where(
        table.identity == identity, table.record_id.in_(list(ids)), table.field.in_(sorted(names))
    ).execute()


def _note_keys(town: Town) -> None:
    """Remember which keys are used, so that no other is made if the file is lost."""
    used = dict.fromkeys([*town.vault.known, *town.vault.fingerprints()])
    if tuple(used) != town.vault.known:
        meta.put(town.system, KEYS_USED, " ".join(used))
        town.vault.known = tuple(used)


# -- history ------------------------------------------------------------------------------------------------------


def sealed_changes(
    town: Town, names: frozenset[str], changes: Mapping[str, tuple[str, str]]
) -> Mapping[str, tuple[str, str]]:
    """Old and new values, as JSON text, as history keeps them: those of the fields ``names`` encrypted."""
    if names.isdisjoint(changes):
        return changes
    return {
        name: (_sealed_json(town, pair[0]), _sealed_json(town, pair[1])) if name in names else pair
        for name, pair in changes.items()
    }


def _sealed_json(town: Town, text: str) -> str:
    if text == "null" or is_sealed(json.loads(text)):
        return text
    return encode_json(town.vault.seal(text))


def opened_changes(town: Town, changes: dict[str, Any]) -> dict[str, Any]:
    """Old and new values as plain JSON, decrypted as far as there is a key."""
    return {
        name: [_open_json(town, each) for each in pair] if isinstance(pair, list) else pair
        for name, pair in changes.items()
    }


def _open_json(town: Town, told: Any) -> Any:
    if not is_sealed(told):
        return told
    try:
        return json.loads(town.vault.open(told))
    except KeyProblem:
        return told


def as_json(field: Field, value: Any) -> str:
    """A value as JSON text: an unreadable one as it is kept."""
    return encode_json(value.sealed) if isinstance(value, Unreadable) else field.json_text(value)


# -- taking over what is there ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """Values of a field that are not kept as they are to be kept: how many, and whether they are to be encrypted."""

    identity: str
    field: str
    count: int
    encrypt: bool


def waiting(town: Town) -> list[Waiting]:
    """Fields with values that :func:`apply` would take over."""
    found = []
    for record_type in town.schemas.values():
        for name in sorted(_sealed(town, record_type)):
            wanted = name in encrypted(town, record_type)
            count = len(_ids(town, record_type, name)) if wanted else _count(town, record_type.identity, name)
            if count:
                found.append(Waiting(record_type.identity, name, count, wanted))
    return found


def apply(town: Town) -> int:
    """Encrypt what is to be encrypted and isn't yet, and decrypt what is not to be encrypted any more; how many values.

    Nothing that anybody sees changes, so that no record gets a new version. Raises
    :class:`~townhall.encryption.KeyProblem`.
    """
    done = 0
    for each in waiting(town):
        record_type = town.schemas[each.identity]
        field = record_type.fields[each.field]
        every = _ids(town, record_type, each.field) if each.encrypt else _sealed_ids(town, each.identity, each.field)
        for start in range(0, len(every), _BATCH):
            part = every[start : start + _BATCH]
            with immediate(town.database):
                (_encrypt if each.encrypt else _decrypt)(town, record_type, field, part)
            done += len(part)
    return done


def renew(town: Town) -> int:
    """Encrypt all values of records with the newest key; how many. What history keeps stays with the key it had."""
    table = town.system.sealed_value
    last, done = 0, 0
    while rows := list(
        table.select(table.id, table.value).where(table.id > last).order_by(table.id).limit(_BATCH).tuples()
    ):
        with immediate(town.database):
            for id, sealed in rows:
                table.update(value=town.vault.renew(sealed)).where(table.id == id, table.value == sealed).execute()
            _note_keys(town)
        last, done = rows[-1][0], done + len(rows)
    return done


def _encrypt(town: Town, record_type: RecordType, field: Field, ids: Sequence[int]) -> None:
    names = [column.name for column in field.columns()]
    plan = plan_of(town, record_type.identity)
    rows = ids_of.rows_with(town.database, plan.table, ("id", *names), "id", ids)
    values = [(row[0], {field.name: field.from_columns(dict(zip(names, row[1:], strict=True)))}) for row in rows]
    _forget(town, record_type.identity, ids, [field.name])
    write(town, record_type, values)
    model = plan.model
    model.update({plan.column(name): None for name in names}).where(model.id.in_(list(ids))).execute()


def _decrypt(town: Town, record_type: RecordType, field: Field, ids: Sequence[int]) -> None:
    plan = plan_of(town, record_type.identity)
    table = town.system.sealed_value
    mine = (table.identity == record_type.identity, table.field == field.name, table.record_id.in_(list(ids)))
    for id, sealed in list(table.select(table.record_id, table.value).where(*mine).tuples()):
        cells = field.to_columns(field.from_columns(json.loads(town.vault.open(sealed))))
        plan.model.update({plan.column(name): cell for name, cell in cells.items()}).where(
            plan.model.id == id
        ).execute()
    _forget(town, record_type.identity, ids, [field.name])


def _ids(town: Town, record_type: RecordType, name: str) -> list[int]:
    """Records whose columns hold a value of a field that is to be encrypted."""
    plan = plan_of(town, record_type.identity)
    columns = [plan.column(column.name) for column in record_type.fields[name].columns()]
    test = columns[0].is_null(False)
    for column in columns[1:]:
        test = test | column.is_null(False)
    return [id for (id,) in plan.model.select(plan.model.id).where(test).order_by(plan.model.id).tuples()]


def _count(town: Town, identity: str, name: str) -> int:
    table = town.system.sealed_value
    return int(table.select().where(table.identity == identity, table.field == name).count())


def _sealed_ids(town: Town, identity: str, name: str) -> list[int]:
    table = town.system.sealed_value
    query = table.select(table.record_id).where(table.identity == identity, table.field == name)
    return [id for (id,) in query.order_by(table.record_id).tuples()]
