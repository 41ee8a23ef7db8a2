"""Values that a record of any declared type may have: for tests that must not know what the type is about.

A sample is found as a person would find it: fill in what is asked for, try, and mend what is refused. What no general
rule can guess (a pattern, a check over several fields) a plugin says itself, in files like those of seeds in a folder
``samples``: the first record of a type there is where its samples start from.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from werkzeug.datastructures import FileStorage

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.lifecycle import seeds
from townhall.records.file_types import accepted
from townhall.records.types import Record
from townhall.testing import pictures
from townhall.town import Town
from townhall_forms.conditions import Condition
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.base import Field
from townhall_forms.operands import Literal
from townhall_forms.schema import RecordType
from townhall_forms.values import Question
from townhall_forms.values import Questions
from townhall_forms.values import Reference

#: The folder of a plugin in which its own samples lie.
FOLDER = "samples"
#: How often a refused sample is mended before it counts as refused.
_TRIES = 8
#: Links to links to links: no real type needs more records before it.
_DEPTH = 6
#: What a small file of each kind holds.
_FILES: Mapping[str, bytes] = {
    "pdf": b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n",
    "png": pictures.png(),
    "jpg": pictures.jpeg(),
    "gif": pictures.gif(),
    "txt": b"A sample.\n",
    "csv": b"sample\n1\n",
    "rtf": b"{\\rtf1 A sample.}",
}
#: Ways in which codes are written, for fields with a pattern.
_FORMS = (
    "sample_{0}",
    "SAMPLE-{0}",
    "S{0}",
    "{0:05}",
    "{0:04}",
    "{0:09}",
    "{0}",
    "AB-{0:04}",
    "A{0:03}",
    "{0:02}-{0:07}",
)
_ADDRESS = {"line1": "2 Bridge Street", "city": "Milbrook", "region": "OH", "postal_code": "45013", "country": "US"}
_PLACE = {"latitude": "39.400000", "longitude": "-84.560000"}


class Sampler:
    """Makes records of any type in one town, as ``actor``; without one, as somebody who works there."""

    def __init__(self, town: Town, actor: Actor | None = None) -> None:
        self.town = town
        self.actor = actor or _somebody(town)
        self._own = _own(town)
        self._depth = 0
        self._number = 0
        self._days = 0

    def record(self, identity: str, values: Mapping[str, Any] | None = None, *, full: bool = False) -> Record:
        """A new record with these values and whatever else it needs; with ``full``, with everything it can hold.

        Raises :class:`~townhall.errors.ValidationFailed` or :class:`~townhall.errors.Rejected` if none is accepted.
        """
        fixed = dict(values or {})
        state = fixed.pop("state", None)
        tried = self.values(identity, fixed, full=full)
        self._before(identity, tried)
        for _ in range(_TRIES):
            try:
                return self._create(identity, tried, state)
            except (ValidationFailed, Rejected) as refused:
                errors = refused.errors if isinstance(refused, ValidationFailed) else {refused.field: str(refused)}
                if not self._mend(identity, tried, fixed, errors):
                    raise
        return self._create(identity, tried, state)

    def _before(self, identity: str, values: Mapping[str, Any]) -> None:
        """Make the records that have to be there first, pointing where this one will point."""
        mine = self.town.schemas[identity].fields
        for other in self._own[identity].after if identity in self._own else ():
            theirs = self.town.schemas[other].fields
            shared = {name for name in mine.keys() & theirs.keys() if mine[name].type_name == theirs[name].type_name}
            self.record(other, {name: values[name] for name in shared & values.keys()})

    def _create(self, identity: str, values: Mapping[str, Any], state: str | None) -> Record:
        """Make a record; one that is to begin in another than its first state comes as an import brings it."""
        if state is None:
            return self.town.records.create(self.actor, identity, values)
        (outcome,) = self.town.records.import_rows(system("import"), identity, [{**values, "state": state}])
        if outcome.id is None:
            raise ValidationFailed(outcome.errors)
        return self.town.records.get(self.actor, identity, outcome.id)

    def values(self, identity: str, fixed: Mapping[str, Any] | None = None, *, full: bool = False) -> dict[str, Any]:
        """Values for a new record of the type, as a form or a file could bring them."""
        record_type = self.town.schemas[identity]
        self._number += 1
        self._days = 0
        own = self._own.get(identity)
        made = {**(own.values if own is not None else {}), **(fixed or {})}
        for name, field in record_type.fields.items():
            wanted = full or field.required or name in _named_by(record_type)
            if name not in made and wanted and field.default is None and not (field.is_computed or field.read_only):
                new = own is not None and bool(own.after) and field.type_name == "link"
                value = self.linked(field.target, field.where, fresh=True) if new else self._value(field)
                if value is not None:
                    made[name] = value
        return made

    def linked(
        self,
        identity: str,
        where: Condition | None = None,
        *,
        fresh: bool = False,
        values: Mapping[str, Any] | None = None,
    ) -> int | None:
        """The id of a record that a link may point at; made, with ``values``, if there is none or if it must be
        a ``fresh`` one.
        """
        options = () if fresh else self.town.context(self.actor).options(identity, where, "", 1)
        if options:
            return options[0].id
        if self._depth >= _DEPTH or identity not in self.town.schemas:
            return None
        self._depth += 1
        try:
            return self.record(identity, {**(values or {}), **demanded(where)}).id
        finally:
            self._depth -= 1

    def _mend(self, identity: str, tried: dict[str, Any], fixed: Mapping[str, Any], errors: Mapping[str, str]) -> bool:
        """Change what was refused: fill in what is missing, take out what may not be. Whether anything changed."""
        record_type = self.town.schemas[identity]
        changed = False
        for path in errors:
            name = path.partition(".")[0]
            field = record_type.fields.get(name)
            if field is None or name in fixed or field.is_computed:
                continue
            if path != name and field.type_name == "answers":
                changed = self._answer(field, tried, path.partition(".")[2]) or changed
            elif name not in tried:
                value = self._value(field)
                changed = changed or value is not None
                tried[name] = value
            elif not field.required:
                del tried[name]
                changed = True
            elif field.type_name == "text":
                self._number += 1
                tried[name] = self._value(field)  # somebody has the other one
                changed = True
            elif field.target and not field.many_targets:
                tried[name] = self.linked(field.target, field.where, fresh=True)  # the one before is taken
                changed = True
            elif field.type_name == "date" and tried[name] != self.town.today().isoformat():
                tried[name] = self.town.today().isoformat()  # before all others instead of after those above it
                changed = True
        return changed

    def _value(self, field: Field) -> Any:
        """A value that the field's own type accepts; ``None`` if there is none to be had."""
        make = _BY_TYPE.get(field.type_name)
        if make is not None:
            return make(self, field)
        text = f"{self._number} {field.label or field.name}"
        text = text[: field.max_length or None].ljust(field.min_length or 0, "x")
        if not field.pattern or re.fullmatch(field.pattern, text):
            return text
        tried = (form.format(self._number) for form in _FORMS)
        return next((text for text in tried if re.fullmatch(field.pattern, text)), text)

    def _answer(self, field: Field, tried: dict[str, Any], code: str) -> bool:
        """Answer one question; whether there was anything to answer."""
        bound = field.bind(tried, self.town.context(self.actor))
        question = bound.fields().get(code) if isinstance(bound, AnswersField) else None
        value = None if question is None else self._value(question)
        if value is None:
            return False
        tried[field.name] = {**(tried.get(field.name) or {}), code: value}
        return True

    def _row(self, field: Field) -> list[dict[str, Any]]:
        row = {name: self._value(column) for name, column in field.row_fields.items() if not column.is_computed}
        lines = max(int(field.min or 1), 1)
        return [{name: value for name, value in row.items() if value is not None} for _ in range(lines)]

    def _file(self, field: Field) -> str | None:
        extensions = {extension for kind in accepted(field.accept) for extension in kind.extensions}
        kind = next((kind for kind in _FILES if kind in extensions), None)
        if kind is None:
            return None
        upload = FileStorage(io.BytesIO(_FILES[kind]), filename=f"sample.{kind}")
        return self.town.files.stage(self.actor, upload, accept=field.accept).token

    def _reference(self, field: Field) -> Reference | None:
        id = self.linked("core.contact")
        return None if id is None else Reference("core.contact", id)

    def _staff(self, field: Field) -> int | None:
        staff = self.town.context(self.actor).staff()
        return staff[0].id if staff else None


def _somebody(town: Town) -> Actor:
    """Somebody who works here, since a field may be about whoever types; the town itself where nobody does."""
    staff = town.context(system()).staff()
    if not staff:
        return system("cli", "Samples")
    return Actor("staff", staff[0].title, staff[0].id, frozenset({"*"}), door="cli")


def demanded(where: Condition | None, link: str = "") -> dict[str, Any]:
    """Values that a condition demands outright: those of its plain comparisons with one of the type's own fields.

    With ``link``, those that it demands of the record behind that link.
    """
    found: dict[str, Any] = {}
    for leaf in where.leaves() if where is not None else ():
        first, _, rest = leaf.path.rpartition(".")
        if first == link and leaf.operator in ("eq", "in") and leaf.operands:
            operand = leaf.operands[0]
            if isinstance(operand, Literal):
                found.setdefault(rest, operand.value)
    return found


def _named_by(record_type: RecordType) -> frozenset[str]:
    """Fields that the title is made of: a record should have a name."""
    return frozenset(path.partition(".")[0] for path in record_type.title.paths)


@dataclass(frozen=True)
class _Own:
    """A plugin's own sample of a type."""

    values: Mapping[str, Any]
    after: tuple[str, ...]


def _own(town: Town) -> dict[str, _Own]:
    """The samples in the files of the plugins that run, by type."""
    found: dict[str, _Own] = {}
    for plugin, folder in town.plugins.folders().items():
        for file in sorted((folder / FOLDER).glob("*.toml")) if (folder / FOLDER).is_dir() else ():
            data = seeds.read_table(file, "after")
            after = tuple(f"{plugin}.{name}" for name in data.get("after", ()))
            found[f"{plugin}.{data['type']}"] = _Own(data["records"][0] if data["records"] else {}, after)
    return found


def _number(sampler: Sampler, field: Field) -> Any:
    low = field.min if field.min is not None else 1
    return low if field.max is None or low <= field.max else field.max


def _day(sampler: Sampler, field: Field) -> str:
    """A day; those of one record follow each other, since what ends is mostly declared after what begins."""
    sampler._days += 1
    return (sampler.town.today() + timedelta(days=sampler._days)).isoformat()


_BY_TYPE: Mapping[str, Callable[[Sampler, Field], Any]] = {
    "integer": _number,
    "decimal": _number,
    "money": _number,
    "percent": _number,
    "year": lambda sampler, field: field.min or sampler.town.today().year,
    "boolean": lambda sampler, field: True,
    "date": _day,
    "datetime": lambda sampler, field: f"{_day(sampler, field)} 10:00",
    "time": lambda sampler, field: "10:00",
    "choice": lambda sampler, field: field.choices[0].value,
    "choices": lambda sampler, field: [choice.value for choice in field.choices[: int(field.min or 1)]],
    "email": lambda sampler, field: f"sample{sampler._number}@post.example",
    "phone": lambda sampler, field: "+1 513 555 0142",
    "url": lambda sampler, field: "https://milbrook.example/",
    "address": lambda sampler, field: dict(_ADDRESS),
    "place": lambda sampler, field: dict(_PLACE),
    "file": Sampler._file,
    "files": lambda sampler, field: [sampler._file(field)],
    "link": lambda sampler, field: sampler.linked(field.target, field.where, fresh=field.unique),
    "links": lambda sampler, field: [id] if (id := sampler.linked(field.target, field.where)) is not None else None,
    "reference": Sampler._reference,
    "staff": Sampler._staff,
    "rows": Sampler._row,
    "questions": lambda sampler, field: Questions(1, (Question("colour", "Which colour?", privacy="public"),), {}),
    "answers": lambda sampler, field: None,
    "language": lambda sampler, field: "en",
    "country": lambda sampler, field: "US",
}

#: What may refuse a sample.
REFUSALS = (ValidationFailed, Rejected)
