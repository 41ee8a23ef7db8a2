"""Filters of a list: plain form controls with named parameters, and the condition that they add up to.

``?state=new&state=waiting&created=last7&category=12&amount.from=100`` is all there is to it; it can be bookmarked,
written by hand and saved as a view. What can't be understood is said in a sentence and does not filter.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from decimal import Decimal
from decimal import InvalidOperation
from typing import Any

from werkzeug.datastructures import MultiDict

from townhall.records import work
from townhall_forms.conditions import Condition
from townhall_forms.conditions import InvalidCondition
from townhall_forms.conditions import parse_condition
from townhall_forms.context import Context
from townhall_forms.fields.base import Field
from townhall_forms.kinds import Resolver
from townhall_forms.kinds import kind_of

#: Parameters of a list's address that are no filters.
RESERVED = frozenset({"q", "view", "sort", "after", "before", "columns", "archived", "page", "saved", "pick", "figure"})

#: Ranges of days by name: their words, and the condition.
PERIODS: Mapping[str, tuple[str, Any]] = {
    "today": ("today", "today"),
    "past": ("before today", {"lt": "today"}),
    "coming": ("from today on", {"gte": "today"}),
    "next7": ("in the next 7 days", {"between": ["today", "today+7d"]}),
    "last7": ("in the last 7 days", {"between": ["today-7d", "today"]}),
    "last30": ("in the last 30 days", {"between": ["today-30d", "today"]}),
    "last365": ("in the last year", {"between": ["today-1y", "today"]}),
}
EMPTY = "none"
ME = "me"
OPEN = "open"


@dataclass(frozen=True, slots=True)
class FilterOption:
    """One value that a filter offers."""

    value: str
    label: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class FilterControl:
    """One filter as the form draws it: ``shape`` is ``select``, ``text`` or ``range``."""

    name: str
    label: str
    shape: str
    options: tuple[FilterOption, ...] = ()
    value: str = ""
    low: str = ""
    high: str = ""
    input_type: str = "text"

    @property
    def active(self) -> bool:
        """Whether it narrows the list now."""
        return bool(self.value or self.low or self.high or any(option.selected for option in self.options))


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on, in words, and the parameters that go when it is taken off."""

    label: str
    names: tuple[str, ...]


@dataclass(slots=True)
class Applied:
    """What the parameters of a list add up to."""

    controls: list[FilterControl] = dataclass_field(default_factory=list)
    conditions: list[Condition] = dataclass_field(default_factory=list)
    chips: list[Chip] = dataclass_field(default_factory=list)
    problems: list[str] = dataclass_field(default_factory=list)


class Filters:
    """The filters of the type from which ``resolve`` looks paths up, for one actor.

    ``may_ask`` says by which paths the actor may filter, ``onward`` as which record one goes on that was merged.
    ``idle`` is room for the controls that nobody uses at the moment and that look the same for everybody. Its owner
    keeps it for the type.
    """

    def __init__(
        self,
        resolve: Resolver,
        context: Context,
        may_ask: Callable[[str], bool],
        idle: dict[str, FilterControl],
        onward: Callable[[str, int], int],
    ) -> None:
        self._schemas = resolve.schemas
        self._type = resolve.record_type
        self._resolve = resolve
        self._context = context
        self._may_ask = may_ask
        self._idle = idle
        self._onward = onward

    def read(self, arguments: MultiDict[str, str]) -> Applied:
        """Read the parameters of a list's address."""
        applied = Applied()
        asked = _asked(arguments)
        for path in dict.fromkeys((*self._type.list.filters, *asked)):
            idle = self._idle.get(path) if path not in asked else None
            if idle is not None and self._may_ask(path):
                applied.controls.append(idle)
                continue
            found = self._field(path)
            if found is None:
                if path in asked:
                    applied.problems.append(f"“{path}” can't be used to filter this list. It was left out.")
                continue
            before = len(applied.controls)
            self._read_one(path, *found, arguments, applied)
            if path not in asked and len(applied.controls) > before and not self._is_looked_up(found[0]):
                self._idle[path] = applied.controls[-1]
        return applied

    def _field(self, path: str) -> tuple[Field, str] | None:
        """The field at ``path`` and its label, if the actor may filter by it."""
        resolved = self._schemas.resolve(self._type, path)
        if resolved is None or resolved.answer or not self._may_ask(path):
            return None
        label = resolved.field.label
        return resolved.field, label if resolved.second is None else f"{resolved.first.label}: {label.lower()}"

    def _read_one(self, path: str, field: Field, label: str, arguments: MultiDict[str, str], applied: Applied) -> None:
        given = [value for value in arguments.getlist(path) if value]
        kind = kind_of(field)
        if kind in ("date", "datetime", "number") and field.type_name != "boolean":
            self._read_range(path, field, label, kind, given, arguments, applied)
        elif kind in ("code", "codes", "boolean", "staff") or self._is_short_link(field):
            self._read_choice(path, field, label, given, applied)
        elif self._read_pointer(path, field, label, given, applied):
            return
        elif kind == "text":
            self._read_text(path, path, label, given, applied)
        elif kind == "link" and self._may_ask(f"{path}.title"):
            self._read_text(path, f"{path}.title", label, given, applied)
        elif given:
            self._leave_out(label, applied)

    def _read_text(self, path: str, asked: str, label: str, given: list[str], applied: Applied) -> None:
        """Read a text, which is to stand in what is found at the path ``asked``."""
        text = given[0].strip() if given else ""
        applied.controls.append(FilterControl(path, label, "text", value=text))
        if text:
            self._narrow(applied, label, Chip(f"{label}: {text}", (path,)), {asked: {"contains": text}})

    def _narrow(self, applied: Applied, label: str, chip: Chip, *conditions: dict[str, Any]) -> None:
        """Keep to what fulfils conditions; those that mean nothing for their field are left out."""
        try:
            applied.conditions += [parse_condition(each, resolve=self._resolve) for each in conditions]
        except InvalidCondition:
            self._leave_out(label, applied)
        else:
            applied.chips.append(chip)

    @staticmethod
    def _leave_out(label: str, applied: Applied) -> None:
        applied.problems.append(f"“{label}” can't be used to filter this list. It was left out.")

    # -- one record -------------------------------------------------------------------------------------------

    def _read_pointer(self, path: str, field: Field, label: str, given: list[str], applied: Applied) -> bool:
        """Read the record that a link or reference is to point at, by its id as panels name it: ``7``, or
        ``core.contact:7`` for a reference. Whether it was one; a link is also searched by name.

        The ``id`` of a record points at the record itself.
        """
        text = given[0].strip() if given else ""
        identity, id = self._pointed_at(path, field), text
        if kind_of(field) == "reference":
            identity, _, id = text.rpartition(":")
        if identity not in self._schemas or not (id.isascii() and id.isdecimal() and len(id) < 19):
            return False
        found = self._onward(identity, int(id))
        title = self._context.titles(identity, [found]).get(found)
        if title is None:
            return False
        pointer = f"{identity}:{found}" if kind_of(field) == "reference" else str(found)
        applied.controls.append(FilterControl(path, label, "select", (FilterOption(pointer, title, True),)))
        wanted = pointer if kind_of(field) == "reference" else found
        self._narrow(applied, label, Chip(f"{label}: {title}", (path,)), {path: [wanted]})
        return True

    def _pointed_at(self, path: str, field: Field) -> str:
        """Identity of the type to a record of which a field points; empty for one that says so itself."""
        if field.name != "id":
            return field.target
        resolved = self._schemas.resolve(self._type, path)
        holder = resolved.target if resolved is not None else None
        return (holder or self._type).identity

    # -- choices ----------------------------------------------------------------------------------------------

    def _is_looked_up(self, field: Field) -> bool:
        """Whether what the filter offers is read each time: people and records come and go."""
        return kind_of(field) == "staff" or bool(field.target)

    def _is_short_link(self, field: Field) -> bool:
        """Whether a link points at something that the town sets up, so that all of it fits into a list."""
        target = self._schemas.get(field.target) if field.target else None
        return target is not None and target.navigation == "setup"

    def _choices(self, path: str, field: Field) -> list[tuple[str, str]]:
        kind = kind_of(field)
        if kind == "boolean":
            return [("true", "Yes"), ("false", "No")]
        if kind == "staff":
            people = [(str(option.id), option.title) for option in self._context.staff()]
            return [(ME, "Me"), (EMPTY, "Nobody"), *people]
        if field.target:
            return [(str(option.id), option.title) for option in self._context.options(field.target, None, "", 200)]
        options = [(choice.value, choice.label) for choice in field.choices]
        if path == "state" and self._type.workflow is not None:
            options.insert(0, (OPEN, "Any open"))
        elif not field.required:
            options.append((EMPTY, "Nothing chosen"))
        return options

    def _read_choice(self, path: str, field: Field, label: str, given: list[str], applied: Applied) -> None:
        options = self._choices(path, field)
        labels = dict(options)
        asked = [part for value in given for part in ([value] if value in labels else value.split(","))]
        if field.target:
            asked = [part if part in labels else self._kept(field, part) for part in asked]
        chosen = [value for value in dict.fromkeys(asked) if value in labels]
        if len(chosen) != len(set(asked)):
            applied.problems.append(f"“{label}” has no such choice any more. It was left out.")
        made = [FilterOption(value, text, [value] == chosen) for value, text in options]
        if len(chosen) > 1:
            made.insert(0, FilterOption(",".join(chosen), ", ".join(labels[value] for value in chosen), True))
        applied.controls.append(FilterControl(path, label, "select", tuple(made)))
        if not chosen:
            return
        words = (labels[value].lower() if value in (ME, EMPTY, OPEN) else labels[value] for value in chosen)
        chip = Chip(f"{label}: {', '.join(words)}", (path,))
        self._narrow(applied, label, chip, self._choice_condition(path, field, chosen))

    def _kept(self, field: Field, text: str) -> str:
        """The value for the record as which the one goes on that ``text`` names."""
        is_id = text.isascii() and text.isdecimal() and len(text) < 19
        return str(self._onward(field.target, int(text))) if is_id else text

    def _choice_condition(self, path: str, field: Field, chosen: list[str]) -> dict[str, Any]:
        values: list[Any] = []
        alternatives: list[dict[str, Any]] = []
        kind = kind_of(field)
        workflow = self._type.workflow
        for value in chosen:
            if value == EMPTY and (kind == "staff" or not field.required):
                alternatives.append({path: {"empty": True}})
            elif value == ME and kind == "staff":
                alternatives.append({path: "actor"})
            elif value == OPEN and path == "state" and workflow is not None:
                values.extend(workflow.open_states)
            elif kind == "boolean":
                alternatives.append({path: value == "true"} if value == "true" else {path: {"ne": True}})
            else:
                values.append(int(value) if kind in ("staff", "link", "links") else value)
        if values:
            alternatives.append({path: values})
        return alternatives[0] if len(alternatives) == 1 else {"any": alternatives}

    # -- ranges -----------------------------------------------------------------------------------------------

    def _read_range(
        self,
        path: str,
        field: Field,
        label: str,
        kind: str,
        given: list[str],
        arguments: MultiDict[str, str],
        applied: Applied,
    ) -> None:
        low, high = arguments.get(f"{path}.from", "").strip(), arguments.get(f"{path}.to", "").strip()
        names = (path, f"{path}.from", f"{path}.to")
        if kind == "number":
            applied.controls.append(FilterControl(path, label, "range", low=low, high=high, input_type="text"))
        else:
            overdue = [("overdue", "overdue")] if path == "due" else []
            words = [*overdue, *((name, words) for name, (words, _) in PERIODS.items())]
            chosen = given[0] if given else ""
            options = tuple(FilterOption(name, text[:1].upper() + text[1:], name == chosen) for name, text in words)
            applied.controls.append(
                FilterControl(path, label, "select", options, low=low, high=high, input_type="date")
            )
            if chosen == "overdue" and path == "due":
                # What is done isn't late, here as in My work and in figures; what waits is due at no time.
                late, unfinished = {path: {"lt": "now"}}, {"state": {"in": work.states(self._type, "open")}}
                self._narrow(applied, label, Chip("Overdue", (path,)), late, unfinished)
            elif chosen in PERIODS:
                words_of_it, condition = PERIODS[chosen]
                self._narrow(applied, label, Chip(f"{label} {words_of_it}", (path,)), {path: condition})
            elif chosen:
                applied.problems.append(f"“{label}” has no such choice. It was left out.")
        limits = {}
        for operator, text, word in (("gte", low, "from"), ("lte", high, "to")):
            if not text:
                continue
            value = _day(text) if kind != "number" else _number(text)
            if value is None:
                wanted = "a number" if kind == "number" else "a date"
                applied.problems.append(f"“{label}” {word} “{text}” is not {wanted}. It was left out.")
                continue
            limits[operator] = value
        if limits:
            parts = [
                word + " " + text for word, text, op in (("from", low, "gte"), ("to", high, "lte")) if op in limits
            ]
            chip = Chip(f"{label} {' '.join(parts)}", names)
            self._narrow(applied, label, chip, *({path: {operator: value}} for operator, value in limits.items()))


def _asked(arguments: MultiDict[str, str]) -> list[str]:
    """Paths of the filters that an address asks for."""
    names = (name for name in arguments if name not in RESERVED and any(arguments.getlist(name)))
    return list(dict.fromkeys(_path(name) for name in names))


def _path(name: str) -> str:
    return name.removesuffix(".from").removesuffix(".to")


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
