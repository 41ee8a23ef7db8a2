"""The values that need a class of their own. Everything else is a plain ``str``, ``int``, ``Decimal``, ``date``...

All are immutable. Files are :class:`townhall_forms.context.StoredFile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from decimal import Decimal
from typing import Any

from townhall_forms.codes import currency_digits
from townhall_forms.schema import Choice
from townhall_forms.schema import Privacy


@dataclass(frozen=True, slots=True)
class Money:
    """An exact sum: ``minor`` units (cents) of an ISO 4217 ``currency``."""

    minor: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """The sum in major units, exact."""
        return Decimal(self.minor).scaleb(-currency_digits(self.currency))

    def __str__(self) -> str:
        return f"{self.amount:,} {self.currency}"


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address. ``country`` is an ISO 3166 code; every part may be empty."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""

    def parts(self) -> tuple[str, ...]:
        """The six parts in the order in which they are written."""
        return (self.line1, self.line2, self.city, self.region, self.postal_code, self.country)

    def one_line(self, home: str = "") -> str:
        """The address in one line; the country is left out when it is ``home``."""
        return ", ".join(self.lines(home))

    def lines(self, home: str = "") -> list[str]:
        """The address as it stands on an envelope; the country is left out when it is ``home``."""
        city, region, code = self.city, self.region, self.postal_code
        area = f"{region} {code}" if region and code else region or code
        town = f"{city}, {area}" if city and area else city or area
        country = "" if self.country == home else self.country
        return [line for line in (self.line1, self.line2, town, country) if line]


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the earth (WGS 84), to six decimals."""

    latitude: Decimal
    longitude: Decimal

    def __str__(self) -> str:
        return f"{self.latitude}, {self.longitude}"


@dataclass(frozen=True, slots=True)
class Reference:
    """Names any record of any type, with no promise that it still exists."""

    identity: str
    id: int

    def __str__(self) -> str:
        return f"{self.identity}:{self.id}"


@dataclass(frozen=True)
class Question:
    """One question that clerks wrote on screen. ``show_if`` is a condition as data, over other questions' codes."""

    code: str
    label: str
    type: str = "text"
    help: str = ""
    required: bool = False
    choices: tuple[Choice, ...] = ()
    min: int | str | None = None
    max: int | str | None = None
    privacy: Privacy = "internal"
    show_if: Mapping[str, Any] | None = None
    weight: int | None = None
    unit: str = ""
    retired: bool = False


@dataclass(frozen=True)
class Questions:
    """A list of questions with its version, and the lists that earlier answers were given to."""

    version: int
    questions: tuple[Question, ...]
    earlier: Mapping[int, tuple[Question, ...]] = field(default_factory=dict)
    #: Fields built from the questions; filled by :mod:`townhall_forms.fields.asking`.
    cache: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    def at(self, version: int | None = None) -> tuple[Question, ...]:
        """The questions as they were in ``version``; now, without one. Empty if that version is not known."""
        if version is None or version == self.version:
            return self.questions
        return self.earlier.get(version, ())

    @property
    def asked(self) -> tuple[Question, ...]:
        """The questions that are asked today."""
        return tuple(question for question in self.questions if not question.retired)


@dataclass(frozen=True)
class Answers:
    """What was answered, by question code, and the version of the questions that were asked."""

    version: int
    values: Mapping[str, Any]
    #: Type of each answered question, so that answers stay readable when the questions are gone.
    types: Mapping[str, str] = field(default_factory=dict, compare=False)
