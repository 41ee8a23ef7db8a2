"""What can go wrong in the schema language, and who reads it.

::

    FormsError
    ├── SchemaErrors     the author of a schema: every mistake at once, each a Mistake
    └── Invalid          whoever typed a value: one plain sentence about one value
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class FormsError(Exception):
    """Base of everything that this library raises on purpose."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a schema: ``file``, the dotted ``key`` inside it, and one sentence."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"


class SchemaErrors(FormsError):
    """A set of schemas can't be used; ``mistakes`` holds every reason."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class Invalid(FormsError):
    """A value can't be accepted. The message is a sentence for the person who typed it.

    ``parts`` holds messages for parts of a composite value, by their path (``"0.amount"`` for the first row's
    amount, ``"latitude"`` for one half of a place); the message then sums up.
    """

    def __init__(self, message: str, parts: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.parts = parts or {}
