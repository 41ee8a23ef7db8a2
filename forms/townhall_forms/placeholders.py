"""Templates without logic: ``{field}``, ``{link.field}``, and number patterns like ``SR-{year}-{seq:06}``.

They are filled in with plain replacement and never with :meth:`str.format`, which would let whoever writes a schema
reach into Python objects.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterable

from townhall_forms.errors import FormsError

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PATH = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_SEQUENCE = re.compile(r"seq(?::0([1-9]))?")

# While a template is tidied, \x01 stands for a part that has text and \x00 for one that is empty.
_EMPTY_BRACKETS = re.compile(r"[(\[][\s,;:·|/–—\x00-]*\x00[\s,;:·|/–—\x00-]*[)\]]")
_AROUND_EMPTY = re.compile(r"([\s,;:·|/–—-]*)\x00([\s,;:·|/–—\x00-]*)")
_EDGES = " \t\r\n,;:·|/–—-"


class InvalidTemplate(FormsError):
    """A template can't be read; the message says why."""


class Template:
    """A line of text with placeholders. Parts that turn out empty vanish with the punctuation around them.

    >>> Template("{category}: {summary}").render({"category": "", "summary": "Deep hole"}.__getitem__)
    'Deep hole'
    """

    def __init__(self, text: str) -> None:
        self.text = text
        outside = _PLACEHOLDER.sub("", text)
        if "{" in outside or "}" in outside:
            raise InvalidTemplate(f"“{text}” has a brace without its partner; write a field as {{name}}.")
        #: Paths of the placeholders, in order.
        self.paths = tuple(_PLACEHOLDER.findall(text))
        for path in self.paths:
            if _PATH.fullmatch(path) is None:
                raise InvalidTemplate(f"“{{{path}}}” is not a field; write {{name}} or {{link.name}}.")
        self._literals = _PLACEHOLDER.split(text)[::2]
        #: What stands around the parts, with a gap for each, by which of them are empty: mostly the same few are.
        self._shapes: dict[tuple[bool, ...], str] = {}

    def render(self, get: Callable[[str], str]) -> str:
        """Fill the placeholders in; ``get`` gives the text for a path."""
        return self.fill([get(path) for path in self.paths])

    def fill(self, texts: Iterable[str]) -> str:
        """Fill the placeholders in with texts in the order of :attr:`paths`."""
        parts = [text.strip() for text in texts]
        empty = tuple(not part for part in parts)
        shape = self._shapes.get(empty)
        if shape is None:
            around = [piece.replace("%", "%%") for piece in self._shape(empty)]
            shape = self._shapes[empty] = "%s".join(around)
        return shape % tuple([part for part in parts if part])

    def _shape(self, empty: Iterable[bool]) -> list[str]:
        """What stands before, between and after the parts that have text, when these ones are empty."""
        marks = ["\x00" if nothing else "\x01" for nothing in empty]
        shape = "".join(piece for pair in zip(self._literals, [*marks, ""], strict=True) for piece in pair)
        if "\x00" not in marks:
            return shape.strip().split("\x01")
        shape = _EMPTY_BRACKETS.sub("\x00", shape)
        return _AROUND_EMPTY.sub(_joined, shape).strip(_EDGES).split("\x01")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


def _joined(match: re.Match[str]) -> str:
    """What stays where an empty part was: one of the separators that stood around it."""
    left, right = match.group(1), match.group(2).replace("\x00", "")
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    if before in ("(", "[") or after in (")", "]"):
        return ""
    if left.strip() or not right.strip():
        return left or right
    return right


class NumberPattern:
    """How records of a type are numbered: ``SR-{year}-{seq:06}`` counts anew each year, ``P-{seq}`` never does."""

    def __init__(self, text: str) -> None:
        self.text = text
        names = _PLACEHOLDER.findall(text)
        outside = _PLACEHOLDER.sub("", text)
        if "{" in outside or "}" in outside:
            raise InvalidTemplate(f"“{text}” has a brace without its partner.")
        sequences = [name for name in names if name.startswith("seq")]
        if len(sequences) != 1 or (found := _SEQUENCE.fullmatch(sequences[0])) is None:
            raise InvalidTemplate(f"“{text}” needs one {{seq}}, or {{seq:06}} for six digits.")
        for name in names:
            if name not in ("year", sequences[0]):
                raise InvalidTemplate(f"“{{{name}}}” is not known in a number; use {{year}} and {{seq}}.")
        self._digits = int(found.group(1) or 0)
        self._sequence = "{" + sequences[0] + "}"
        #: Whether the count starts anew each year.
        self.yearly = "year" in names

    def render(self, year: int, sequence: int) -> str:
        """The number of the ``sequence``-th record (of ``year``)."""
        counted = str(sequence).zfill(self._digits)
        return self.text.replace("{year}", f"{year:04}").replace(self._sequence, counted)

    def __repr__(self) -> str:
        return f"NumberPattern({self.text!r})"
