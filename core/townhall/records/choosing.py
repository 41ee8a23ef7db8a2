"""What a record holds after another was merged into it: field by field, of which of the two it is.

Where both say something, that of the record that is kept stands, unless somebody chooses the other; several addresses,
lines, links or choices are put together. Where the kept one says nothing, the other's moves in. What a type lets move
over only if somebody chooses it (``only_chosen``) does neither by itself. What an actor may not see is never asked and
never lost: it moves in, or is put together, or else the merge is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal
from typing import get_args

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records import pointing
from townhall.records.types import Record
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field
from townhall_forms.fields.files import FilesField
from townhall_forms.schema import MergeOptions
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

Side = Literal["kept", "other", "both"]
SIDES: tuple[Side, ...] = get_args(Side)
FILES = frozenset({"file", "files"})
UNSEEN = (
    "Both hold details that you may not see, and they are not the same. Ask somebody who may see them to merge the two."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A field of which the two records say different things: what each says, and whose may be taken, ``side`` first.

    Values that the actor may reveal one by one only are ``masked``, and are ``None`` here. Where only one side is left
    there is nothing to choose.
    """

    field: Field
    kept: Any
    other: Any
    side: Side
    sides: tuple[Side, ...]
    masked: bool = False


@dataclass(frozen=True, slots=True)
class _Pair:
    """What the two records hold of one field, without what points from one of them at the other."""

    field: Field
    kept: Any
    other: Any

    @property
    def several(self) -> bool:
        """Whether both can stand, one beside the other."""
        field = self.field
        return bool(field.row_fields) or field.many_targets or field.type_name in ("choices", "files")

    @property
    def differs(self) -> bool:
        """Whether it matters whose is taken."""
        if self.other is None or (self.other is False and self.kept is None):
            return False
        return bool(self.other != self.kept and self.both() != self.kept)

    def both(self) -> Any:
        """Both put together; ``None`` where that can't be."""
        kept, other = self.kept, self.other
        if kept is None or other is None:
            return other if kept is None else kept
        if self.field.row_fields:
            return pointing.united(self.field, kept, other)
        if self.several:
            return tuple(dict.fromkeys((*kept, *other)))
        if self.field.type_name == "longtext":
            return f"{kept}\n\n{other}"
        return kept or other if self.field.type_name == "boolean" else None

    def of(self, side: Side) -> Any:
        """What stands if this side is taken."""
        return {"kept": self.kept, "other": self.other}[side] if side != "both" else self.both()


@dataclass(frozen=True, slots=True)
class Choices:
    """All that is chosen, or follows: ``asked`` of the actor, and by itself. ``problem`` says why it can't be done."""

    asked: Sequence[Choice]
    pairs: Mapping[str, _Pair]
    settled: Mapping[str, Side]
    problem: str = ""

    def values(self, town: Town, chosen: Mapping[str, str]) -> dict[str, Any]:
        """What the kept record holds then, of the fields that may change.

        Raises :class:`~townhall.errors.Rejected` if it can't be done, or :class:`~townhall.errors.ValidationFailed` for
        a choice that nobody offered.
        """
        if self.problem:
            raise Rejected(self.problem)
        offered = {each.field.name: each for each in self.asked}
        errors = {
            name: "This can't be chosen here. Look at both again."
            for name, side in chosen.items()
            if name not in offered or side not in offered[name].sides
        }
        if errors:
            raise ValidationFailed(errors)
        taken: dict[str, Side] = {**self.settled, **{name: each.side for name, each in offered.items()}}
        taken.update({name: side for side in SIDES for name, given in chosen.items() if given == side})
        values = {name: self._value(town, name, side) for name, side in taken.items()}
        context = town.context(system())
        for name in (name for name, side in taken.items() if side == "both"):
            if too_much := _too_much(self.pairs[name].field, values[name], context):
                errors[name] = too_much
        if errors:
            raise ValidationFailed(errors)
        return values

    def _value(self, town: Town, name: str, side: Side) -> Any:
        pair = self.pairs[name]
        value = pair.of(side)
        if pair.field.type_name in FILES and value is not None and side != "kept":
            files = value if isinstance(value, tuple) else (value,)
            mine = pair.kept if isinstance(pair.kept, tuple) else (pair.kept,)
            kept = [file for file in files if file in mine]
            files = (*kept, *town.files.copies([file for file in files if file not in mine]))
            value = files if isinstance(value, tuple) else files[0]
        return value


def choices(actor: Actor, whole: tuple[Record, Record], seen: tuple[Record, Record]) -> Choices:
    """What there is to choose. ``whole`` are both records, the one that is kept first, as the town itself sees them,
    and ``seen`` as the actor does.
    """
    record_type = whole[0].type
    options = record_type.merge or MergeOptions("")
    access = policy.readable(actor, record_type)
    asked: list[Choice] = []
    settled: dict[str, Side] = {}
    pairs: dict[str, _Pair] = {}
    problem = ""
    for name, field in record_type.fields.items():
        pair = pairs[name] = _pair(record_type, field, whole)
        if not _is_open(record_type, field):
            continue
        wins = name in options.yes_wins
        if not pair.differs:
            if pair.kept != whole[0].values.get(name):
                settled[name] = "kept"  # what pointed at the other is left out
            continue
        masked = name in access.masked
        in_part = not masked and name in access.readable and _in_part(name, whole, seen)
        if in_part or not (masked or name in access.readable):
            settled[name] = "both"
            if pair.both() is None or (field.type_name == "longtext" and pair.kept is not None):
                problem = UNSEEN
            if not in_part:
                continue
        sides, side = _sides(pair, only_both=in_part)
        if wins:
            sides, side = (("other",), "other") if pair.other else (("kept",), "kept")
        elif name in options.only_chosen and "kept" in sides:
            side = "kept"
        shown = (None, None) if masked else (seen[0].values.get(name), seen[1].values.get(name))
        asked.append(Choice(field, *shown, side, sides, masked))
    return Choices(asked, pairs, settled, problem)


def _too_much(field: Field, value: Any, context: Context) -> str:
    """Why both together are more than the field takes, in a sentence; empty if they are not."""
    if isinstance(field, FilesField):
        return f"At most {field.most} files. Take those of one of the two." if len(value) > field.most else ""
    try:
        field.parse(json.loads(field.json_text(value)), context)
    except Invalid as error:
        return f"{error.message} Take what one of the two says."
    return ""


def _is_open(record_type: RecordType, field: Field) -> bool:
    """Whether a field's value is somebody's to take over: not what is worked out, nor where a record went."""
    return not field.is_computed and not (record_type.merge is not None and field.name == record_type.merge.into)


def _pair(record_type: RecordType, field: Field, whole: tuple[Record, Record]) -> _Pair:
    kept, other = (each.values.get(field.name) for each in whole)
    points = [(record_type.identity, each.id) for each in whole]
    return _Pair(
        field,
        pointing.pointed_anew(field, kept, points[1], None),
        pointing.pointed_anew(field, pointing.pointed_anew(field, other, points[0], None), points[1], None),
    )


def _in_part(name: str, whole: tuple[Record, Record], seen: tuple[Record, Record]) -> bool:
    """Whether the actor sees only a part of what the two hold."""
    return any(mine.values.get(name) != all_of_it.values.get(name) for mine, all_of_it in zip(seen, whole, strict=True))


def _sides(pair: _Pair, *, only_both: bool) -> tuple[tuple[Side, ...], Side]:
    """The sides that can be taken, and the one that is if nobody chooses."""
    if only_both:
        return ("both",), "both"
    if pair.kept is None:
        return ("kept", "other"), "other"
    if pair.several:
        return SIDES, "both"
    if pair.field.type_name == "longtext":
        return SIDES, "kept"
    return ("kept", "other"), "kept"
