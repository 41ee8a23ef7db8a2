"""Records with a value of its own in every field that can hold one: some that many may see, some hidden."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from dataclasses import replace
from typing import Any

from werkzeug.datastructures import FileStorage

from townhall.access.actors import system
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records.file_types import accepted
from townhall.records.people import CONTACT
from townhall.records.types import Record
from townhall.testing.privacy.markers import Marker
from townhall.testing.privacy.markers import Mint
from townhall.testing.samples import REFUSALS
from townhall.testing.samples import Sampler
from townhall.testing.samples import demanded
from townhall.town import Town
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.values import Question
from townhall_forms.values import Questions

#: How secret a level is.
SECRECY = {"public": 0, "internal": 1, "confidential": 2}
#: Field types whose values hold no order with others, so that a check over several fields has nothing against them.
_FREE = frozenset({"text", "longtext", "email", "url", "address", "phone"})
_TRIES = 6
_FILE_TYPES = ("file", "files")


@dataclass
class Planted:
    """A record with the values that were planted in it.

    ``files`` are the contents of its files by field. ``apart`` are records behind links that are confidential, by
    field, with what tells their titles: nobody may learn from either page that the two belong together.
    """

    kind: str
    record: Record
    markers: list[Marker] = dataclass_field(default_factory=list)
    files: dict[str, str] = dataclass_field(default_factory=dict)
    apart: dict[str, tuple[str, int, str]] = dataclass_field(default_factory=dict)
    archived: bool = False

    @property
    def name(self) -> str:
        """What it is called in findings."""
        return f"{self.record.identity} ({self.kind})"


class Planter:
    """Plants records in one town."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.sampler = Sampler(town)
        self.mint = Mint()
        #: The first planted record of each type.
        self.first: dict[str, int] = {}

    def plant(self, record_type: RecordType, kind: str, values: Mapping[str, Any] | None = None) -> Planted:
        """A record with everything in it. ``values`` decide what it is: public, restricted, anything.

        Raises what :data:`~townhall.testing.samples.REFUSALS` names if no record is accepted.
        """
        made = _Made(self, record_type, dict(values or {}))
        record = made.create()
        held = self.town.records.get(system("cli", "Trial"), record.identity, record.id)
        self.first.setdefault(record.identity, record.id)
        planted = Planted(kind, held, files=made.files, apart=made.apart)
        planted.markers = [
            Marker(key, record.identity, planted.name, path, level, sure)
            for path, (key, level, sure) in made.keys.items()
            if held.values.get(path.partition(".")[0]) is not None
        ]
        return planted

    def change(self, planted: Planted) -> None:
        """Give a planted record other values where it can have them: what it held before stands in its history.

        What refuses that leaves the record as it is.
        """
        records, record, actor = self.town.records, planted.record, self.sampler.actor
        made: dict[str, tuple[str, Any]] = {}
        for marker in planted.markers:
            field = record.type.fields.get(marker.path)
            if field is not None and field.type_name in _FREE and (minted := self.mint.value(field)) is not None:
                made[field.name] = minted
        try:
            version = records.get(actor, record.identity, record.id, fields=()).version
            values = {name: value for name, (_, value) in made.items()}
            records.update(actor, record.identity, record.id, values, version=version)
        except (*REFUSALS, Forbidden):
            return
        planted.record = records.get(system("cli", "Trial"), record.identity, record.id)
        told = [replace(each, sure=False) if each.path in made else each for each in planted.markers]
        told += [replace(each, key=made[each.path][0]) for each in planted.markers if each.path in made]
        planted.markers = told

    def archive(self, planted: Planted) -> None:
        """Put a planted record aside."""
        record = planted.record
        version = self.town.records.get(self.sampler.actor, record.identity, record.id, fields=()).version
        self.town.records.archive(self.sampler.actor, record.identity, record.id, version=version)
        planted.archived = True


class _Made:
    """The values of one record while they are made, and which of them are planted."""

    def __init__(self, planter: Planter, record_type: RecordType, fixed: dict[str, Any]) -> None:
        self._planter = planter
        self._type = record_type
        self._fixed = fixed
        self.values: dict[str, Any] = {}
        self.keys: dict[str, tuple[str, str, bool]] = {}
        self.files: dict[str, str] = {}
        self.apart: dict[str, tuple[str, int, str]] = {}
        for name, field in record_type.fields.items():
            if not (field.is_computed or field.read_only or name in fixed):
                self._plant(name, field)

    def create(self) -> Record:
        """The record; what is refused is planted with something more usual."""
        identity = self._type.identity
        for _ in range(_TRIES):
            try:
                return self._planter.sampler.record(identity, {**self.values, **self._fixed}, full=True)
            except (ValidationFailed, Rejected) as refused:
                errors = refused.errors if isinstance(refused, ValidationFailed) else {refused.field: str(refused)}
                wrong = {path.partition(".")[0] for path in errors} & self.values.keys()
                wrong = wrong or {name for name in self.values if self._type.fields[name].type_name not in _FREE}
                if not wrong:
                    raise
                for name in wrong:
                    self._forget(name)
        return self._planter.sampler.record(identity, {**self.values, **self._fixed}, full=True)

    def _forget(self, name: str) -> None:
        self.values.pop(name, None)
        self.files.pop(name, None)
        self.apart.pop(name, None)
        self.keys = {path: key for path, key in self.keys.items() if path.partition(".")[0] != name}

    def _plant(self, name: str, field: Field) -> None:
        if field.row_fields:
            self._rows(name, field)
        elif field.type_name == "answers":
            self._answers(name, field)
        elif field.type_name in _FILE_TYPES:
            self._file(name, field)
        elif field.target and field.privacy == "confidential":
            self._apart(name, field)
        elif field.type_name == "link" and field.target == CONTACT and name in self._type.title.paths:
            # A title that names somebody does it by words that are told again.
            if (named := self._planter.first.get(field.target)) is not None:
                self.values[name] = named
        else:
            made = self._planter.mint.value(field)
            if made is not None:
                key, self.values[name] = made
                self.keys[name] = (key, field.privacy, _is_shown(self._type, name))

    def _rows(self, name: str, field: Field) -> None:
        rows = self._planter.sampler.values(self._type.identity, full=True).get(name) or [{}]
        first = dict(rows[0])
        for column_name, column in field.row_fields.items():
            made = None if column.is_computed or column.read_only else self._planter.mint.value(column)
            if made is not None:
                key, first[column_name] = made
                level = max(field.privacy, column.privacy, key=SECRECY.__getitem__)
                self.keys[f"{name}.{column_name}"] = (key, level, _is_shown(self._type, name))
        self.values[name] = [first, *rows[1:]]

    def _file(self, name: str, field: Field) -> None:
        kinds = {extension for kind in accepted(field.accept) for extension in kind.extensions}
        if "pdf" not in kinds:
            return
        called, content = self._planter.mint.word(), self._planter.mint.word()
        data = f"%PDF-1.4\n1 0 obj\n<</Title ({content})>>\nendobj\n%%EOF\n".encode()
        upload = FileStorage(io.BytesIO(data), filename=f"{called}.pdf")
        staged = self._planter.town.files.stage(self._planter.sampler.actor, upload, accept=field.accept)
        self.values[name] = staged.token if field.type_name == "file" else [staged.token]
        self.files[name] = content
        self.keys[name] = (called, field.privacy, False)
        self.keys[f"{name}.content"] = (content, field.privacy, False)

    def _apart(self, name: str, field: Field) -> None:
        """A link that is confidential points at a record whose name stands nowhere else."""
        target = self._planter.town.schemas.get(field.target)
        if target is None or field.many_targets:
            return
        named = {
            path: self._planter.mint.value(target.fields[path]) for path in target.title.paths if path in target.fields
        }
        values = {path: made[1] for path, made in named.items() if made is not None}
        keys = [made[0] for made in named.values() if made is not None]
        try:
            record = self._planter.sampler.record(target.identity, {**demanded(field.where), **values})
        except REFUSALS:
            return
        if keys:
            self.values[name] = record.id
            self.apart[name] = (target.identity, record.id, keys[0])

    def _answers(self, name: str, field: Field) -> None:
        """Questions of every level, answered."""
        asked = Questions(1, tuple(Question(f"{level}_q", f"A {level} one?", privacy=level) for level in SECRECY), {})  # type: ignore[arg-type]
        first, _, rest = field.source.partition(".")
        if rest and first in self._fixed:
            behind = self._planter.town.context(self._planter.sampler.actor)
            kept = behind.value_of(self._type.fields[first].target, self._fixed[first], rest)
            asked = kept if isinstance(kept, Questions) else asked
        elif rest:
            target = self._type.fields[first].target
            where = demanded(self._type.fields[first].where)
            try:
                record = self._planter.sampler.record(target, {**where, **self._behind(first), rest: asked})
            except REFUSALS:
                return
            self.values[first] = record.id
        elif first not in self._fixed:
            self.values[first] = asked
        answers: dict[str, Any] = {}
        codes = {question.code for question in asked.asked}
        for level in SECRECY:
            if f"{level}_q" not in codes:
                continue
            word = self._planter.mint.word()
            answers[f"{level}_q"] = word
            stricter = max(field.privacy, level, key=SECRECY.__getitem__)
            # Whether the field or the question is public is each asked for itself: both have to be.
            self.keys[f"{name}.{level}_q"] = (word, stricter, stricter != "public" and _is_shown(self._type, name))
        self.values[name] = answers

    def _behind(self, link: str) -> dict[str, Any]:
        """What the rule about what is public demands of the record behind a link."""
        return demanded(self._type.public_if, link) | {
            path.partition(".")[2]: value for path, value in self._fixed.items() if path.startswith(f"{link}.")
        }


def _is_shown(record_type: RecordType, name: str) -> bool:
    """Whether a page shows a field whenever it holds something: not where only some records have it."""
    field = record_type.fields[name]
    return field.show_if is None and not field.hide and any(name in section.fields for section in record_type.sections)
