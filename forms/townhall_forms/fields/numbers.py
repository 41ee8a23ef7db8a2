"""Numbers, all exact: integer, year, decimal, percent, money."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any
from typing import ClassVar

from townhall_forms.codes import CURRENCY_SIGNS
from townhall_forms.codes import currency_digits
from townhall_forms.codes import currency_sign
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import LARGEST_INTEGER
from townhall_forms.fields.base import ORDER
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import ColumnKind
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import OneColumn
from townhall_forms.values import Money

# Thousands are grouped by comma, space or apostrophe, in threes or not at all, so that "1,5" is never 15.
_NUMBER = re.compile(r"([+-]?)([0-9]+|[0-9]{1,3}(?:[,'\u2019 \u00a0\u202f][0-9]{3})+)(\.[0-9]*)?|([+-]?)(\.[0-9]+)")
_GROUPING = re.compile(r"[,'\u2019 \u00a0\u202f]")


def read_number(raw: Any) -> Decimal | None:
    """The exact number that ``raw`` says, or ``None`` if it says none. Floats count as they print."""
    if isinstance(raw, str):
        text = raw.strip().replace("\u2212", "-")
        match = _NUMBER.fullmatch(text)
        if match is None or len(text) > 60:
            return None
        return Decimal(_GROUPING.sub("", text))
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return Decimal(raw)
    if isinstance(raw, Decimal):
        return raw if raw.is_finite() else None
    if isinstance(raw, float):
        number = Decimal(repr(raw))
        return number if number.is_finite() else None
    return None


def limits(field: Field, show: Any) -> str:
    """The sentence for a number outside ``min`` and ``max``; ``show`` writes one of them for people."""
    if field.min is not None and field.max is not None:
        return f"Enter a number from {show(field.min)} to {show(field.max)}."
    if field.min is not None:
        return f"Enter {show(field.min)} or more."
    return f"Enter {show(field.max)} or less."


class Number(OneColumn):
    """What all numbers share: one integer column, an order, and limits."""

    kind: ClassVar[ColumnKind] = "integer"
    operators: ClassVar[frozenset[str]] = ORDER
    widget: ClassVar[str] = "number"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"min", "max", "unit"})

    def search_text(self, value: Any, context: Context) -> str:
        """The plain number."""
        return self.to_csv(value, context)


class Integer(Number):
    """A whole number of at most 64 bits."""

    type_name: ClassVar[str] = "integer"
    _message = "Enter a whole number, like 12."

    def parse(self, raw: Any, context: Context) -> int | None:
        """A whole number within the field's limits."""
        if type(raw) is int:
            number = raw
        elif raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        else:
            exact = read_number(raw)
            if exact is None or exact != exact.to_integral_value():
                raise Invalid(self._message)
            number = int(exact)
        if not -LARGEST_INTEGER <= number <= LARGEST_INTEGER:
            raise Invalid("This number is too large.")
        if (self.min is not None and number < self.min) or (self.max is not None and number > self.max):
            raise Invalid(limits(self, self.write))
        return number

    def write(self, number: Any) -> str:
        """A number for people."""
        return f"{number:,}"

    def display(self, value: Any, context: Context) -> str:
        """With thousands grouped, and its unit."""
        return "" if value is None else f"{self.write(value)} {self.unit}".rstrip()

    def json_schema(self) -> dict[str, Any]:
        """An integer with the field's limits."""
        return {
            "type": "integer",
            "minimum": self.min if self.min is not None else -LARGEST_INTEGER,
            "maximum": self.max if self.max is not None else LARGEST_INTEGER,
        }


class Year(Integer):
    """A year of four digits."""

    type_name: ClassVar[str] = "year"
    _message = "Enter a year, like 2026."

    def parse(self, raw: Any, context: Context) -> int | None:
        """A year from 1000 to 2999 within the field's limits."""
        number = super().parse(raw, context)
        if number is not None and not 1000 <= number <= 2999:
            raise Invalid(self._message)
        return number

    def write(self, number: Any) -> str:
        """Years are never grouped."""
        return str(number)


class DecimalNumber(Number):
    """A number with a fixed count of decimals (``decimals``, 2 by default), stored as a scaled integer."""

    type_name: ClassVar[str] = "decimal"
    extra_keys: ClassVar[frozenset[str]] = Number.extra_keys | {"decimals"}
    _example = "12.5"

    @cached_property
    def scale(self) -> int:
        """How many decimals are kept."""
        return 2 if self.decimals is None else self.decimals

    @cached_property
    def _least(self) -> Decimal | None:
        return read_number(self.min)

    @cached_property
    def _most(self) -> Decimal | None:
        return read_number(self.max)

    def parse(self, raw: Any, context: Context) -> Decimal | None:
        """An exact number; more decimals than are kept are refused rather than rounded."""
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        number = self.read(raw)
        if number is None:
            raise Invalid(f"Enter a number, like {self._example if self.scale else '12'}.")
        return self.fit(number)

    def read(self, raw: Any) -> Decimal | None:
        """The number in ``raw``."""
        return read_number(raw)

    def fit(self, number: Decimal) -> Decimal:
        """``number`` with exactly the decimals that are kept, if it is within the limits."""
        if number.adjusted() + self.scale > 17:
            raise Invalid("This number is too large.")
        exact = number.quantize(Decimal(1).scaleb(-self.scale)) if number.as_tuple().exponent != -self.scale else number
        if exact != number:
            raise Invalid(f"Use at most {self.scale} decimals." if self.scale else "Enter a number without decimals.")
        if (self._least is not None and number < self._least) or (self._most is not None and number > self._most):
            raise Invalid(limits(self, str))
        return exact + 0  # no minus zero

    def store(self, value: Any) -> int:
        """The number times ten to the power of its decimals."""
        return int(value.scaleb(self.scale))

    def load(self, stored: Any) -> Decimal:
        """The number again, with exactly its decimals."""
        return Decimal(stored).scaleb(-self.scale)

    def display(self, value: Any, context: Context) -> str:
        """Without trailing zeros, with thousands grouped and its unit."""
        if value is None:
            return ""
        text = f"{value:,f}"
        return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {self.unit}".rstrip()

    def raw(self, value: Any, context: Context) -> str:
        """Plain digits, without trailing zeros."""
        text = "" if value is None else f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    def to_csv(self, value: Any, context: Context) -> str:
        """Plain digits."""
        return "" if value is None else f"{value:f}"

    def to_json(self, value: Any) -> str | None:
        """Text, since a JSON number may lose digits on its way."""
        return None if value is None else f"{value:f}"

    def json_schema(self) -> dict[str, Any]:
        """Digits as text."""
        decimals = rf"(\.[0-9]{{1,{self.scale}}})?" if self.scale else ""
        return {"type": "string", "pattern": rf"^-?[0-9]+{decimals}$"}


class Percent(DecimalNumber):
    """A percentage; 12.5 means 12.5 %."""

    type_name: ClassVar[str] = "percent"

    def read(self, raw: Any) -> Decimal | None:
        """The number, with or without its sign."""
        return read_number(raw.strip().removesuffix("%").rstrip() if isinstance(raw, str) else raw)

    def display(self, value: Any, context: Context) -> str:
        """With the sign."""
        return "" if value is None else f"{super().display(value, context)}%"


class MoneyField(Number):
    """An exact sum in one currency: the field's ``currency``, or the town's."""

    type_name: ClassVar[str] = "money"
    widget: ClassVar[str] = "money"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"min", "max", "currency"})
    parts: ClassVar[tuple[str, ...]] = ("amount", "currency")
    _message = "Enter an amount, like 250."

    def columns(self) -> Sequence[Column]:
        """Minor units, and the currency."""
        return (Column(self.name, "integer", index=self.unique), Column(f"{self.name}_currency", "text"))

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """Both columns."""
        if value is None:
            return {self.name: None, f"{self.name}_currency": None}
        return {self.name: value.minor, f"{self.name}_currency": value.currency}

    def from_columns(self, row: Mapping[str, Any]) -> Any:
        """The sum again."""
        minor = row[self.name]
        return None if minor is None else Money(minor, row[f"{self.name}_currency"])

    @cached_property
    def _limits(self) -> tuple[Decimal | None, Decimal | None]:
        return read_number(self.min), read_number(self.max)

    def parse(self, raw: Any, context: Context) -> Money | None:
        """A sum: ``1,180.50``, ``$1,180``, ``1180.50 USD`` or ``{"amount": ..., "currency": ...}``."""
        currency = self.currency or context.currency
        if isinstance(raw, Money):
            number, currency = raw.amount, raw.currency
        else:
            if isinstance(raw, Mapping):
                if raw.keys() - set(self.parts):
                    raise Invalid(self._message)
                raw = f"{raw.get('amount', '')} {raw.get('currency') or ''}"
            if isinstance(raw, str):
                raw = self._bare(raw.strip(), currency)
            if raw is None or raw == "":
                return None
            exact = read_number(raw)
            if exact is None:
                raise Invalid(self._message)
            number = exact
        digits = currency_digits(currency)
        if number.adjusted() + digits > 17:
            raise Invalid("This amount is too large.")
        minor = number.scaleb(digits)
        if minor != minor.to_integral_value():
            raise Invalid(f"Use at most {digits} decimals." if digits else "Enter an amount without decimals.")
        least, most = self._limits
        if (least is not None and number < least) or (most is not None and number > most):
            message = limits(self, lambda limit: self._write(Decimal(str(limit)), currency))
            raise Invalid(message.replace("a number", "an amount"))
        return Money(int(minor), currency)

    @staticmethod
    def _bare(text: str, currency: str) -> str:
        """``text`` without the currency's code or sign; another currency is refused."""
        if not text or (text[0].isdigit() and text[-1].isdigit()):
            return text
        minus = "-" if text[0] in "-\u2212" else ""
        text = text[len(minus) :].strip()
        code = re.match(r"([A-Za-z]{3})\s*(?=[0-9.-])", text) or re.search(r"(?<=[0-9.])\s*([A-Za-z]{3})$", text)
        if code is not None:
            if code[1].upper() != currency:
                raise Invalid(f"Enter the amount in {currency}.")
            text = text.replace(code[0], "", 1)
        for sign, currencies in CURRENCY_SIGNS.items():
            if text.startswith(sign) or text.endswith(sign):
                if currency not in currencies:
                    raise Invalid(f"Enter the amount in {currency}.")
                text = text.replace(sign, "", 1)
                break
        return minus + text.strip()

    @staticmethod
    def _write(amount: Decimal, currency: str) -> str:
        digits = currency_digits(currency)
        text = f"{abs(amount):,.{digits}f}"
        return f"{'-' if amount < 0 else ''}{currency_sign(currency)}{text}"

    def display(self, value: Any, context: Context) -> str:
        """With its sign: ``$1,180.50``."""
        return "" if value is None else self._write(value.amount, value.currency)

    def raw(self, value: Any, context: Context) -> str:
        """Grouped digits without a sign, since the input stands in the field's currency."""
        if value is None:
            return ""
        if value.currency != (self.currency or context.currency):
            return self.to_csv(value, context)
        return f"{value.amount:,}"

    def to_csv(self, value: Any, context: Context) -> str:
        """Plain digits; the code follows where it is not the field's own currency."""
        if value is None:
            return ""
        plain = f"{value.amount:f}"
        return plain if value.currency == (self.currency or context.currency) else f"{plain} {value.currency}"

    def to_json(self, value: Any) -> dict[str, str] | None:
        """Amount as text, and currency."""
        return None if value is None else {"amount": f"{value.amount:f}", "currency": value.currency}

    def json_schema(self) -> dict[str, Any]:
        """Amount and currency."""
        return {
            "type": "object",
            "properties": {
                "amount": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
                "currency": {"const": self.currency} if self.currency else {"type": "string", "pattern": "^[A-Z]{3}$"},
            },
            "required": ["amount", "currency"],
            "additionalProperties": False,
        }
