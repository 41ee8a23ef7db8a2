"""One input as a template sees it: its words, its behaviour, and what a plain input element says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from townhall_forms.codes import currency_sign
from townhall_forms.fields.base import Field
from townhall_forms.fields.files import Attached
from townhall_forms.fields.numbers import MoneyField
from townhall_forms.kinds import kind_of
from townhall_forms.wording import explain
from townhall_forms.wording import file_help

if TYPE_CHECKING:
    from townhall_forms.forms import RecordForm

_INPUT_TYPES = {
    "text": "text",
    "email": "email",
    "phone": "tel",
    "url": "url",
    "number": "text",
    "money": "text",
    "date": "date",
    "datetime": "datetime-local",
    "time": "time",
    "place": "text",
}
#: What a browser's own input of a day or a time can hold. Anything else is shown as text, so that it isn't lost.
_HELD = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?"),
    "time": re.compile(r"\d\d:\d\d"),
}
#: Controls that are several inputs and so need a legend.
_GROUPED = frozenset({"radios", "yes_no", "checkboxes", "links", "address", "rows", "questions", "answers"})


class Drawn:
    """One input as a template sees it.

    ``name`` is what the input is called in the form, ``path`` what its errors are called, ``caption`` its label when
    no visible label belongs to it alone (the cell of a row).
    """

    def __init__(self, form: RecordForm, typed: Field, name: str, path: str, raw: Any, caption: str = "") -> None:
        self.form = form
        self.typed = typed
        self.name = name
        self.path = path
        self.raw = raw
        self.caption = caption

    @property
    def view(self) -> Drawn:
        """Itself: templates take a form's field or a view."""
        return self

    # -- words ------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The element's id."""
        return f"field-{self.name}"

    @property
    def label(self) -> str:
        """The visible label."""
        return self.typed.label

    @cached_property
    def help(self) -> str:
        """The help text; of files also what is accepted."""
        if isinstance(self.typed, Attached):
            return " ".join(part for part in (self.typed.help, file_help(self.typed)) if part)
        return self.typed.help

    @property
    def error(self) -> str:
        """What is wrong with it as a whole, if anything; what is wrong with a part stands at that part."""
        message = self.form.errors.get(self.path, "")
        if message and self.grouped and any(path.startswith(f"{self.path}.") for path in self.form.errors):
            return ""
        return message

    @property
    def optional(self) -> bool:
        """Whether to mark it as optional."""
        if self.typed.required or self.control in ("checkbox", "answers") or self.caption:
            return False
        if self.path in self.form.needed:
            return False
        return self.typed.require_if is None or not self.form.holds(self.typed.require_if)

    @property
    def help_id(self) -> str:
        """The id of the element that holds the help text."""
        return f"{self.id}-help"

    @property
    def described_by(self) -> str:
        """Ids of the help and the error."""
        ids = [self.help_id] if self.help else []
        return " ".join([*ids, f"{self.id}-error"] if self.error else ids)

    # -- behaviour --------------------------------------------------------------------------------------------

    @cached_property
    def control(self) -> str:
        """Name of the widget template."""
        return "locked" if self.locked else self.typed.control

    @property
    def grouped(self) -> bool:
        """Whether it needs a legend instead of a label."""
        return self.control in _GROUPED

    @property
    def locked(self) -> bool:
        """Whether it can be read here but not changed."""
        return self.path in self.form.locked

    @property
    def undrawn(self) -> bool:
        """Whether it can't be changed just now because nobody can draw it."""
        return self.path in self.form.undrawn

    @property
    def shown(self) -> str:
        """Its value as text, for a locked one."""
        return self.typed.display(self.form.initial.get(self.path), self.form.context)

    @property
    def conditional(self) -> bool:
        """Whether it is asked under some conditions only that may still change while the form is filled in."""
        condition = self.typed.show_if
        if condition is None:
            return False
        here = self.path != self.typed.name or any(path.partition(".")[0] in self.form for path in condition.paths())
        return here or not self.form.holds(condition)

    @property
    def explanation(self) -> str:
        """When it is asked, in words, for people without JavaScript."""
        condition = self.typed.show_if
        return explain(condition, self.sibling) if condition is not None else ""

    def sibling(self, path: str) -> Field | None:
        """The field that a condition of this one reads at ``path``."""
        return self.form.record_type.field(path)

    @property
    def show_if(self) -> str:
        """The condition under which it is asked, as JSON for the browser."""
        return self.form.condition_json(self.typed.show_if, self.scope, self.beside)

    @property
    def require_if(self) -> str:
        """The condition under which it must be filled, as JSON for the browser."""
        return self.form.condition_json(self.typed.require_if, self.scope, self.beside)

    @property
    def scope(self) -> str:
        """What stands before the names of the inputs that its conditions read."""
        return self.form.prefix

    @property
    def beside(self) -> Mapping[str, Any]:
        """Values of the inputs that stand in :attr:`scope`, if they are not those of the form's own fields."""
        return {}

    @property
    def kind(self) -> str:
        """How the browser compares its value."""
        return kind_of(self.typed)

    @property
    def refreshes(self) -> bool:
        """Whether a change of it changes what else is asked, in a way that only the server knows."""
        return self.path in self.form.refreshing

    # -- single inputs ----------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The text in the input."""
        return self.raw if isinstance(self.raw, str) else "" if self.raw is None else str(self.raw)

    @property
    def input_type(self) -> str:
        """The ``type`` of the ``input`` element."""
        held = _HELD.get(self.control)
        if held is not None and self.text and not held.fullmatch(self.text):
            return "text"
        return _INPUT_TYPES.get(self.control, "text")

    @property
    def input_mode(self) -> str:
        """Which keyboard a phone shows."""
        if self.control == "money":
            return "decimal"
        if self.control == "number":
            return "numeric" if self.typed.type_name in ("integer", "year") else "decimal"
        return ""

    @property
    def width(self) -> str:
        """The class for the width that suits what is typed."""
        if self.caption:
            return ""
        if self.control in ("number", "money", "time"):
            return "w-s"
        if self.control in ("date", "datetime", "phone"):
            return "w-m"
        longest = self.typed.max_length
        if longest is not None and longest <= 30:
            return "w-s" if longest <= 12 else "w-m"
        return "w-l"

    @property
    def before(self) -> str:
        """What stands before the input: the currency's sign."""
        if not isinstance(self.typed, MoneyField):
            return ""
        return currency_sign(self.typed.currency or self.form.context.currency).strip()

    @property
    def after(self) -> str:
        """What stands behind the input: the unit."""
        return "%" if self.typed.type_name == "percent" else self.typed.unit

    @property
    def checked(self) -> bool:
        """Whether the box is ticked."""
        return bool(self.raw == "yes")
