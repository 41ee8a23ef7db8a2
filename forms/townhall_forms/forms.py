"""WTForms forms from a schema: :func:`build_form`.

WTForms gives the shape that other code knows (a form of fields, ``validate``, ``errors``); what is typed is taken out,
parsed and checked by the field types and :mod:`townhall_forms.validating`.

Forms work without JavaScript: helper buttons (:mod:`townhall_forms.submitting`) send the form to be drawn again
(:attr:`RecordForm.redraw`) with everything that was typed, uploads included. The script ``static/forms.js`` only makes
this smoother.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import Field as WTField
from wtforms.form import BaseForm

from townhall_forms.computing import compute
from townhall_forms.computing import dependencies
from townhall_forms.context import Context
from townhall_forms.context import Option
from townhall_forms.context import StoredFile
from townhall_forms.errors import Invalid
from townhall_forms.faults import Undrawn
from townhall_forms.faults import holds
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.submitting import check_offers
from townhall_forms.submitting import drop_blank_lines
from townhall_forms.submitting import take_in
from townhall_forms.validating import check_record
from townhall_forms.validating import clear_hidden
from townhall_forms.validating import environment_of
from townhall_forms.validating import value_getter
from townhall_forms.views import LISTED_OPTIONS
from townhall_forms.views import View

if TYPE_CHECKING:
    from townhall_forms.conditions import Condition
    from townhall_forms.conditions import Leaf


class Input(WTField):  # type: ignore[misc]  # WTForms has no types
    """One declared field in a form."""

    def __init__(self, typed: Field, **options: Any) -> None:
        super().__init__(label=typed.label, description=typed.help, id=f"field-{typed.name}", **options)
        self.typed = typed
        self.raw: Any = None
        self.value: Any = None

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Nothing: the form loads its fields in the order in which they need each other."""

    @property
    def path(self) -> str:
        """Name of the declared field."""
        return self.typed.name


class RecordForm(BaseForm):  # type: ignore[misc]  # WTForms has no types
    """A form for some fields of a type. Make one with :func:`build_form`.

    ``values`` has what was read from it, by field; ``errors`` a sentence by path (``budget_lines.1.amount``).
    """

    def __init__(
        self,
        record_type: RecordType,
        names: Sequence[str],
        context: Context,
        *,
        initial: Mapping[str, Any],
        stored: Mapping[str, Any] | None,
        prefix: str,
        lookup_url: Callable[[str], str] | None,
        file_url: Callable[[StoredFile], str] | None,
        require: Iterable[str] = (),
        opened: Mapping[str, Any] | None = None,
    ) -> None:
        self.record_type = record_type
        self.context = context
        self.initial = initial
        self.stored = stored
        self.prefix = prefix
        self.lookup_url = lookup_url
        self.file_url = file_url
        self.needed = frozenset(require)
        self.opened = opened or {}
        self.values: dict[str, Any] = {}
        self.searches: dict[str, str] = {}
        self.redraw = False
        self.submitted = False
        self._problems: dict[str, str] = {}
        self._options: dict[tuple[Field, str], Sequence[Option]] = {}
        super().__init__([(name, Input(record_type.fields[name])) for name in names], prefix="")
        for name in names:
            field: Input = self[name]
            field.name = prefix + name
            field.value = initial.get(name)
            if field.value is None:
                field.value = self._only_choice(name)
            self.put(name, field.typed.raw(field.value, context))
        #: Fields with a value of which the input can't be drawn, so that it must stay as it is.
        self.undrawn = frozenset(name for name in names if holds(Undrawn, self[name].raw))
        for name in names:
            if isinstance(record_type.fields[name], AnswersField):
                self.put(name, self.bound(name).raw(initial.get(name), context))

    def _only_choice(self, name: str) -> Any:
        """What an empty field begins with that must be filled and leaves nothing to choose: the only choice, or the
        only record that it may link to. So does a link with questions behind it, which are asked at once then.

        Nobody becomes the person whom a record is from or about because they happen to be the only one who is there.
        """
        typed = self[name].typed
        asking = (other.typed for other in self if isinstance(other.typed, AnswersField))
        new = self.stored is None and (typed.required or any(other.link_name == name for other in asking))
        if not (new or name in self.needed) or name in self.record_type.contacts:
            return None
        if typed.type_name == "choice":
            offered = [choice.value for choice in typed.choices if not choice.retired]
        elif typed.type_name == "link":
            offered = [option.id for option in self.options(typed, "")]
        else:
            return None
        return offered[0] if len(offered) == 1 else None

    # -- asking -----------------------------------------------------------------------------------------------

    @property
    def errors(self) -> dict[str, str]:
        """A sentence by path for everything that is wrong."""
        return self._problems

    @property
    def error_list(self) -> list[tuple[str, str, str]]:
        """``(input id, label, sentence)`` of every error in the form's order, for the summary on top of it."""
        order = {name: index for index, name in enumerate(self._fields)}
        problems = sorted(self._problems.items(), key=lambda problem: order.get(problem[0].partition(".")[0], -1))
        listed = []
        for path, message in problems:
            if not any(other.startswith(f"{path}.") for other in self._problems):
                name = path.replace(".", "-")
                listed.append((f"field-{self.prefix}{name}" if name else "", self._label(path), message))
        return listed

    def _label(self, path: str) -> str:
        first, *rest = path.split(".")
        if first not in self:
            return ""
        words, field = [self[first].typed.label], self.bound(first)
        if rest and rest[0].isdigit():
            words.append(f"line {int(rest.pop(0)) + 1}")
        if rest and isinstance(field, AnswersField) and rest[0] in field.fields():
            words = [field.fields()[rest[0]].label]
        elif rest and rest[0] in field.row_fields:
            words.append(field.row_fields[rest[0]].label.lower())
        return ", ".join(words)

    def add_errors(self, errors: Mapping[str, str]) -> None:
        """Show what somebody else found wrong, by path; ``""`` is the whole record."""
        self._problems |= errors

    def raw_of(self, name: str) -> Any:
        """The raw input of a field, as :meth:`townhall_forms.fields.base.Field.extract` gave it."""
        return self[name].raw

    def answered(self, name: str) -> bool:
        """Whether something stands in the input of a field."""
        return not self[name].typed.is_empty(self[name].raw)

    @cached_property
    def current(self) -> dict[str, Any]:
        """Values of the record as they would be now: stored ones, and over them what the form holds."""
        values = dict(self.stored or {}) | dict(self.initial)
        for name in self._fields:
            if name not in self.locked:
                values[name] = self[name].value
        return values

    @cached_property
    def getter(self) -> Callable[[str], Any]:
        """What a condition reads at a path, among :attr:`current` values."""
        return value_getter(self.record_type, self.current, self.context)

    def holds(self, condition: Condition) -> bool:
        """Whether a condition holds for what the form holds."""
        return condition.evaluate(self.getter, environment_of(self.context))

    @cached_property
    def locked(self) -> frozenset[str]:
        """Fields that can't be changed: any more, judged on what is stored, or while nobody can draw their inputs."""
        if self.stored is None:
            return self.undrawn
        get, environment = value_getter(self.record_type, self.stored, self.context), environment_of(self.context)
        rules = {name: self.record_type.fields[name].lock_if for name in self._fields}
        held = {name for name, rule in rules.items() if rule is not None and rule.evaluate(get, environment)}
        return self.undrawn | held

    def put(self, name: str, raw: Any) -> None:
        """Put raw input into a field."""
        field: Input = self[name]
        field.raw = raw
        field.view = View(self, field.typed, field.name, name, raw)

    def fill(self, name: str, value: Any) -> None:
        """Put a value that the record has now into a field, in place of what was typed."""
        self.initial = {**self.initial, name: value}
        self[name].value = value
        self.forget()
        self.put(name, self.bound(name).raw(value, self.context))

    def forget(self) -> None:
        """Work out again what depends on the values: one changed."""
        for name in ("current", "getter"):
            self.__dict__.pop(name, None)

    def bound(self, name: str) -> Field:
        """A field as it stands among the values of the form; answers know their questions."""
        return self[name].typed.bind(self.current, self.context)  # type: ignore[no-any-return]

    # -- what the browser needs -------------------------------------------------------------------------------

    def condition_json(self, condition: Condition | None, scope: str, beside: Mapping[str, Any] | None = None) -> str:
        """A condition for ``forms.js``, with the prefix of the inputs it reads; empty if there is none.

        ``beside`` are the values of the inputs that stand in ``scope``, by what conditions call them. A browser is told
        no value that has no input, since whoever fills in the form may not be meant to read it: a test on one is
        decided here, and only that is told.
        """
        if condition is None:
            return ""
        near, environment = beside or {}, environment_of(self.context)

        def get(path: str) -> Any:
            return near[path] if path in near else self.getter(path)

        def outcome(leaf: Leaf) -> bool | None:
            typed = all(path in near or self._has_input(path) for path in leaf.paths())
            return None if typed else leaf.evaluate(get, environment)

        told = condition.settled(outcome).to_json()
        return json.dumps({"scope": scope, "test": told}, ensure_ascii=False, sort_keys=True)

    def _has_input(self, path: str) -> bool:
        """Whether what conditions read at a path stands in an input of the form."""
        first = path.partition(".")[0]
        return first in self and first not in self.locked and (path == first or not self[first].typed.target)

    @cached_property
    def _conditions(self) -> list[Condition]:
        fields = [self[name].typed for name in self._fields]
        return [rule for field in fields for rule in (field.show_if, field.require_if) if rule is not None]

    @cached_property
    def refreshing(self) -> frozenset[str]:
        """Fields whose change asks for the form again: questions or conditions stand behind their link, or they are
        compared with what has no input.
        """
        behind = {path.partition(".")[0] for rule in self._conditions for path in rule.paths() if "." in path}
        behind |= {field.typed.source.partition(".")[0] for field in self if field.typed.type_name == "answers"}
        links = {name for name in behind if name in self and self[name].typed.target}
        tests = (list(leaf.paths()) for rule in self._conditions for leaf in rule.leaves())
        compared = (set(filter(self._has_input, paths)) for paths in tests if not all(map(self._has_input, paths)))
        return frozenset(links | {path.partition(".")[0] for paths in compared for path in paths})

    @property
    def environment(self) -> str:
        """JSON of what moves in conditions: the present, the zone and the actor."""
        environment = environment_of(self.context)
        told = {
            "now": environment.now.isoformat(),
            "today": environment.today.isoformat(),
            "actor": environment.actor_id,
            "zone": str(environment.zone),
        }
        return json.dumps(told, sort_keys=True)

    # -- choices and links ------------------------------------------------------------------------------------

    def options(self, field: Field, text: str) -> Sequence[Option]:
        """Records that a link may point at."""
        key = (field, text)
        if key not in self._options:
            limit = LISTED_OPTIONS + 1 if not text else 20
            self._options[key] = self.context.options(field.target, field.where, text, limit)
        return self._options[key]

    def few_options(self, field: Field) -> bool:
        """Whether all options of a link can be listed."""
        return len(self.options(field, "")) <= LISTED_OPTIONS

    def kept_choices(self, path: str) -> frozenset[str]:
        """Choices that the stored value has, which may stay even if they are retired."""
        value = self.initial.get(path.partition(".")[0])
        if isinstance(value, str):
            return frozenset({value})
        if isinstance(value, tuple):
            rows = [entry for row in value if isinstance(row, dict) for entry in row.values() if isinstance(entry, str)]
            return frozenset([entry for entry in value if isinstance(entry, str)] + rows)
        return frozenset(getattr(value, "values", None) or ())

    def standing(self, path: str) -> frozenset[tuple[str, int]]:
        """What the record that is edited points at in a field already, or did when the form was opened. Who fills the
        form in may not know of it, and yet it may stay.
        """
        name = path.partition(".")[0]
        values = [each.get(name) for each in (self.initial, self.opened)] if self.stored is not None else []
        field = self.record_type.fields[name]
        return frozenset(point for value in values if value is not None for point in field.references(value))

    # -- checking ---------------------------------------------------------------------------------------------

    def validate(self, *, state: str = "", require: Iterable[str] = ()) -> bool:  # type: ignore[override,unused-ignore]
        """Whether everything can be accepted; fills :attr:`values`.

        ``state`` is the state of the case that the values are checked for; ``require`` names further fields that must
        be filled. Hidden fields are left alone or emptied, as their ``when_hidden`` says.
        """
        if self.submitted:
            drop_blank_lines(self)
        current = dict(self.current)
        get = value_getter(self.record_type, current, self.context)
        environment = environment_of(self.context)
        cleared = clear_hidden(self.record_type, current, get, environment)
        current |= self._computed(current)
        typed = {name: self.record_type.fields[name] for name in self._fields if name not in self.locked}
        hidden = {
            name
            for name, field in typed.items()
            if field.show_if is not None and not field.show_if.evaluate(get, environment)
        }
        self._problems = {
            path: text for path, text in self._problems.items() if path.partition(".")[0] not in hidden | self.locked
        }
        asked = [name for name in typed if name not in hidden]
        check_offers(self, asked)
        found = check_record(
            self.record_type,
            current,
            state=state,
            context=self.context,
            get=get,
            previous=None if self.stored is None else value_getter(self.record_type, self.stored, self.context),
            changed=set(asked),
            only=set(asked),
            require_extra=tuple(require),
        )
        wrong = {path.partition(".")[0] for path in self._problems}
        self._problems |= {path: text for path, text in found.items() if path.partition(".")[0] not in wrong}
        self.values = {name: current[name] for name in typed if name not in hidden or name in cleared}
        return not self._problems

    def _computed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The computed fields as these values make them, where all that they are worked out from is known."""
        needed = dependencies(self.record_type)
        known = {name for name, paths in needed.items() if all(path.partition(".")[0] in values for path in paths)}
        found = compute(self.record_type, values, self.context) if known else {}
        return {name: value for name, value in found.items() if name in known}


def default_value(field: Field, context: Context) -> Any:
    """The value a new record starts with; ``today``, ``now`` and ``actor`` mean what they say."""
    default = field.default
    if default is None:
        return None
    if default == "actor" and field.type_name == "staff":
        return context.actor_id
    if default == "today" and field.type_name == "date":
        return context.today()
    if default in ("now", "today") and field.type_name == "datetime":
        return context.now()
    try:
        return field.parse(default, context)
    except Invalid:
        return None


def build_form(
    record_type: RecordType,
    field_names: Iterable[str],
    context: Context,
    *,
    values: Mapping[str, Any] | None = None,
    formdata: MultiDict[str, str] | None = None,
    files: MultiDict[str, Any] | None = None,
    stored: Mapping[str, Any] | None = None,
    prefix: str = "",
    lookup_url: Callable[[str], str] | None = None,
    file_url: Callable[[StoredFile], str] | None = None,
    require: Iterable[str] = (),
    opened: Mapping[str, Any] | None = None,
) -> RecordForm:
    """A form for the fields of ``record_type`` named in ``field_names``, in that order.

    ``values`` fills it at first; a field that is not in it starts with its default. ``formdata`` and ``files`` are what
    was sent, if it was. ``stored`` has the values of the record that is edited, whole: locks are judged on it, and
    conditions may read fields that are not in the form. Fields that nobody types (``read_only``, computed) are left
    out. ``lookup_url`` gives the address that answers searches for a link (by path), ``file_url`` that of a kept file.
    ``require`` names fields that are asked for here although the record can do without them, so that they are not
    marked optional. ``opened`` is what stood in the form when it was opened, if the record was changed since.
    """
    names = [name for name in dict.fromkeys(field_names) if name in record_type.fields]
    names = [name for name in names if not record_type.fields[name].read_only]
    initial = dict(values or {})
    for name in names:
        if name not in initial:
            initial[name] = default_value(record_type.fields[name], context)
    form = RecordForm(
        record_type,
        names,
        context,
        initial=initial,
        stored=stored,
        prefix=prefix,
        lookup_url=lookup_url,
        file_url=file_url,
        require=require,
        opened=opened,
    )
    if formdata is not None:
        form.submitted = True
        take_in(form, formdata, files if files is not None else MultiDict())
    return form
