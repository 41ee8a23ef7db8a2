"""Choosing: boolean, choice, choices."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar

from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import EQUALITY
from townhall_forms.fields.base import ColumnKind
from townhall_forms.fields.base import OneColumn
from townhall_forms.reading import read_json
from townhall_forms.schema import Choice
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

_YES = frozenset({"yes", "y", "true", "t", "1", "on"})
_NO = frozenset({"no", "n", "false", "f", "0", "off"})

#: Up to how many choices are all shown at once; more go into a list that opens.
SHOWN_AT_ONCE = 6


class Boolean(OneColumn):
    """Yes or no. One that is required is asked with two buttons, so that nothing is answered by accident."""

    type_name: ClassVar[str] = "boolean"
    kind: ClassVar[ColumnKind] = "boolean"
    operators: ClassVar[frozenset[str]] = EQUALITY
    widget: ClassVar[str] = "checkbox"

    @property
    def control(self) -> str:
        """A box to tick, or the question with yes and no."""
        return "yes_no" if self.required or self.require_if is not None else "checkbox"

    def parse(self, raw: Any, context: Context) -> bool | None:
        """Yes or no, from the words people and files use."""
        if raw is True or raw is False:
            return bool(raw)
        if raw is None:
            return None
        text = str(raw).strip().lower() if isinstance(raw, str | int) else "?"
        if not text:
            return None
        if text in _YES:
            return True
        if text in _NO:
            return False
        raise Invalid("Answer yes or no.")

    def extract(self, data: MultiDict[str, str], files: MultiDict[str, Any], prefix: str, context: Context) -> str:
        """A box that is not ticked is not sent: it says no."""
        if self.control == "checkbox":
            return "yes" if data.get(prefix) else "no"
        return data.get(prefix, "")

    def raw(self, value: Any, context: Context) -> str:
        """``yes``, ``no``, or nothing for a question that is not answered; a box is either."""
        return self.to_csv(value, context) or ("no" if self.control == "checkbox" else "")

    def load(self, stored: Any) -> bool:
        """SQLite gives 0 and 1."""
        return bool(stored)

    def display(self, value: Any, context: Context) -> str:
        """Yes or No."""
        return "" if value is None else "Yes" if value else "No"

    def to_csv(self, value: Any, context: Context) -> str:
        """yes or no."""
        return "" if value is None else "yes" if value else "no"

    def search_text(self, value: Any, context: Context) -> str:
        """Nobody searches for yes."""
        return ""

    def json_schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}


#: Most letters of something that may be a label or a name; nobody looks for one in more.
LONGEST_LABEL = 1_000


class Chosen(OneColumn):
    """What ``choice`` and ``choices`` share: a list of choices."""

    extra_keys: ClassVar[frozenset[str]] = frozenset({"choices"})

    @cached_property
    def labels(self) -> dict[str, str]:
        """Labels by value, retired choices included."""
        return {choice.value: choice.label for choice in self.choices}

    @cached_property
    def _known(self) -> dict[str, str]:
        known = {normalise(choice.label): choice.value for choice in reversed(self.choices)}
        known.update({normalise(choice.value): choice.value for choice in reversed(self.choices)})
        return known

    @cached_property
    def offered(self) -> tuple[Choice, ...]:
        """Choices that are not retired."""
        return tuple(choice for choice in self.choices if not choice.retired)

    def one(self, raw: Any) -> str:
        """The value of one choice, from itself or its label. Retired ones are understood: old records have them."""
        if isinstance(raw, str):
            if raw in self.labels:
                return raw
            value = self._known.get(normalise(raw)) if len(raw) <= LONGEST_LABEL else None
            if value is not None:
                return value
            raise Invalid(f"“{raw.strip()[:60]}” is not one of the choices. Choose one from the list.")
        if isinstance(raw, int) and not isinstance(raw, bool):
            return self.one(str(raw))
        raise Invalid("Choose one from the list.")


class ChoiceField(Chosen):
    """One of a list of choices."""

    type_name: ClassVar[str] = "choice"
    operators: ClassVar[frozenset[str]] = EQUALITY
    widget: ClassVar[str] = "select"

    @property
    def control(self) -> str:
        """Short lists that must be answered show all their choices; a radio button can't be taken back."""
        must = self.required or self.require_if is not None or self.default is not None
        return "radios" if must and len(self.offered) <= SHOWN_AT_ONCE else "select"

    def parse(self, raw: Any, context: Context) -> str | None:
        """The value of a choice."""
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        return self.one(raw)

    def display(self, value: Any, context: Context) -> str:
        """The choice's label."""
        return "" if value is None else self.labels.get(value, value)

    def json_schema(self) -> dict[str, Any]:
        """One of the values."""
        return {"type": "string", "enum": [choice.value for choice in self.choices]}


class ChoicesField(Chosen):
    """Several of a list of choices, kept in the list's order; ``min`` and ``max`` limit how many."""

    type_name: ClassVar[str] = "choices"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"choices", "min", "max"})
    operators: ClassVar[frozenset[str]] = EQUALITY | {"contains"}
    widget: ClassVar[str] = "checkboxes"
    grouped: ClassVar[bool] = True
    sortable: ClassVar[bool] = False

    def parse(self, raw: Any, context: Context) -> tuple[str, ...] | None:
        """Values from a list, or from text with ``;`` between them."""
        chosen = set(map(self.one, split_list(raw)))
        if not chosen:
            return None
        check_number(len(chosen), self.min, self.max, "Choose")
        return tuple(choice.value for choice in self.choices if choice.value in chosen)

    def extract(
        self, data: MultiDict[str, str], files: MultiDict[str, Any], prefix: str, context: Context
    ) -> list[str]:
        """Every ticked box."""
        return [value for value in data.getlist(prefix) if value]

    def raw(self, value: Any, context: Context) -> list[str]:
        """The chosen values."""
        return list(value or ())

    def store(self, value: Any) -> str:
        """A JSON list."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def load(self, stored: Any) -> tuple[str, ...] | None:
        """The values again."""
        return tuple(json.loads(stored)) or None

    def display(self, value: Any, context: Context) -> str:
        """Labels with commas."""
        return ", ".join(self.labels.get(one, one) for one in value or ())

    def to_csv(self, value: Any, context: Context) -> str:
        """Values with ``;`` between them."""
        return join_list(value or ())

    def to_json(self, value: Any) -> list[str]:
        """A list."""
        return list(value or ())

    def json_schema(self) -> dict[str, Any]:
        """A list of values."""
        values = [choice.value for choice in self.choices]
        return {"type": "array", "items": {"type": "string", "enum": values}, "uniqueItems": True}


def split_list(raw: Any) -> list[Any]:
    """The entries of a list, of text with ``;`` between them, or of a JSON list as text. Empty ones are left out."""
    if raw is None:
        return []
    if isinstance(raw, str):
        text = raw.strip()
        if text.startswith("["):
            try:
                return [entry for entry in read_json(text) if entry not in (None, "")]
            except ValueError as error:
                raise Invalid("This list can't be read. Put ; between its entries.") from error
        return [entry.strip() for entry in text.split(";") if entry.strip()]
    if isinstance(raw, list | tuple | set | frozenset):
        return [entry for entry in raw if entry not in (None, "")]
    return [raw]


def join_list(entries: Any) -> str:
    """Text that :func:`split_list` takes apart again."""
    words = [str(entry) for entry in entries]
    if any(";" in word or word.startswith("[") for word in words):
        return json.dumps(words, ensure_ascii=False)
    return "; ".join(words)


def check_number(count: int, least: Any, most: Any, verb: str) -> None:
    """Refuse too few or too many entries."""
    if least is not None and count < least:
        raise Invalid(f"{verb} at least {least}.")
    if most is not None and count > most:
        raise Invalid(f"{verb} at most {most}.")
