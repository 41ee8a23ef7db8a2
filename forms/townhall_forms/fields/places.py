"""Where things are: address, and place (a point)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar

from townhall_forms.codes import COUNTRIES
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import encode_text
from townhall_forms.fields.numbers import read_number
from townhall_forms.fields.text import Country
from townhall_forms.fields.text import clean_line
from townhall_forms.reading import read_json
from townhall_forms.text import normalise
from townhall_forms.values import Address
from townhall_forms.values import Place

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

#: Parts of an address with their labels and HTML autocomplete tokens.
ADDRESS_PARTS = (
    ("line1", "Street and number", "address-line1"),
    ("line2", "Flat, floor or building", "address-line2"),
    ("city", "Town", "address-level2"),
    ("region", "State or region", "address-level1"),
    ("postal_code", "Postal code", "postal-code"),
    ("country", "Country", "country"),
)
_PART_NAMES = tuple(name for name, _, _ in ADDRESS_PARTS)
#: All but the country, which says nothing by itself.
_LOCAL_NAMES = _PART_NAMES[:5]
_KNOWN_NAMES = frozenset(_PART_NAMES)
_SORTED_NAMES = tuple(sorted(_PART_NAMES))
_in_order = attrgetter(*_SORTED_NAMES)
#: An address as JSON, with a gap for each part.
_JSON = "{" + ",".join([f'"{name}":%s' for name in _SORTED_NAMES]) + "}"
_COUNTRY = Country(name="country", label="Country")
_MILLIONTH = Decimal("0.000001")


class AddressField(Field):
    """A postal address of six parts, none of which must be there: `line1`, `line2`, `city`, `region`, `postal_code` and
    `country`.
    """

    type_name: ClassVar[str] = "address"
    operators: ClassVar[frozenset[str]] = frozenset({"empty"})
    widget: ClassVar[str] = "address"
    grouped: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = _PART_NAMES

    @property
    def key_column(self) -> str:
        """The column of the normalised line."""
        return f"{self.name}_key"

    def columns(self) -> Sequence[Column]:
        """The parts as JSON, and the whole in one normalised line."""
        return (Column(self.name, "text"), Column(f"{self.name}_key", "text", index=self.unique))

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """Both columns."""
        if value is None:
            return {self.name: None, f"{self.name}_key": None}
        given = zip(_SORTED_NAMES, _in_order(value), strict=True)
        parts = [f'"{name}":{encode_text(part)}' for name, part in given if part]
        return {self.name: f"{{{','.join(parts)}}}", f"{self.name}_key": normalise(value.one_line())}

    def from_columns(self, row: Mapping[str, Any]) -> Any:
        """The address again."""
        stored = row[self.name]
        return None if stored is None else Address(**json.loads(stored))

    def parse(self, raw: Any, context: Context) -> Address | None:
        """Parts by name, or text: six parts with ``;`` between them, or else all of it the street."""
        if isinstance(raw, Address):
            return raw if any(raw.parts()[:5]) else None
        if isinstance(raw, str):
            raw = self._from_text(raw.strip())
        if raw is None:
            return None
        if type(raw) is not dict and not isinstance(raw, Mapping):
            raise Invalid("Enter an address: street and number, town, postal code.")
        unknown = raw.keys() - _KNOWN_NAMES
        if unknown:
            raise Invalid(f"An address has no part called “{min(unknown)}”.")
        parts: list[str] = []
        problems: dict[str, str] = {}
        for name in _LOCAL_NAMES:
            given = raw.get(name)
            if given is None:
                parts.append("")
                continue
            text = clean_line(given if type(given) is str else str(given or ""))
            if len(text) > 200:
                problems[name] = "Use at most 200 characters."
            parts.append(text)
        country, given = "", raw.get("country")
        try:
            if given is not None:
                country = _COUNTRY.parse(given, context) or ""
        except Invalid as error:
            problems["country"] = error.message
        if problems:
            raise Invalid(next(iter(problems.values())), problems)
        line1, line2, city, region, postal_code = parts
        return Address(line1, line2, city, region, postal_code, country) if any(parts) else None

    @staticmethod
    def _from_text(text: str) -> Any:
        if not text:
            return None
        if text.startswith("{"):
            try:
                return read_json(text)
            except ValueError as error:
                raise Invalid("This address can't be read.") from error
        parts = [part.strip() for part in text.split(";")]
        return dict(zip(_PART_NAMES, parts, strict=True)) if len(parts) == 6 else {"line1": text}

    def extract(
        self, data: MultiDict[str, str], files: MultiDict[str, Any], prefix: str, context: Context
    ) -> dict[str, str]:
        """Each part has its own input."""
        return {name: data.get(f"{prefix}-{name}", "") for name in _PART_NAMES}

    def raw(self, value: Any, context: Context) -> dict[str, str]:
        """The parts; an empty address starts in the town's country."""
        if value is None:
            return {**dict.fromkeys(_PART_NAMES, ""), "country": context.country}
        return dict(zip(_PART_NAMES, value.parts(), strict=True))

    def display(self, value: Any, context: Context) -> str:
        """In one line; the town's own country is left out, others are written out."""
        return "" if value is None else ", ".join(self.lines(value, context))

    def lines(self, value: Address, context: Context) -> list[str]:
        """The same as on an envelope."""
        lines = value.lines(home=context.country)
        if value.country and value.country != context.country:
            lines[-1] = COUNTRIES.get(value.country, value.country)
        return lines

    def to_csv(self, value: Any, context: Context) -> str:
        """Six parts with ``;`` between them."""
        if value is None:
            return ""
        if any(";" in part for part in value.parts()) or value.line1.startswith("{"):
            return json.dumps(self.to_json(value), ensure_ascii=False)
        return "; ".join(value.parts())

    def to_json(self, value: Any) -> dict[str, str] | None:
        """The parts by name."""
        return None if value is None else dict(zip(_PART_NAMES, value.parts(), strict=True))

    def json_text(self, value: Any) -> str:
        """The parts by name, made of their texts."""
        if value is None:
            return "null"
        return _JSON % tuple(map(encode_text, _in_order(value)))

    def search_text(self, value: Any, context: Context) -> str:
        """Street, town and postal code."""
        return "" if value is None else " ".join(part for part in value.parts()[:5] if part)

    def json_schema(self) -> dict[str, Any]:
        """An object of texts."""
        properties = {name: {"type": "string", "maxLength": 200} for name in _PART_NAMES}
        return {"type": "object", "properties": properties, "additionalProperties": False}


class PlaceField(Field):
    """A point on the map, `latitude` and `longitude`, kept to a millionth of a degree (about ten centimetres)."""

    type_name: ClassVar[str] = "place"
    operators: ClassVar[frozenset[str]] = frozenset({"empty"})
    widget: ClassVar[str] = "place"
    sortable: ClassVar[bool] = False
    parts: ClassVar[tuple[str, ...]] = ("latitude", "longitude")
    _message = "Enter a point as latitude and longitude, like 40.7128, -74.0060."

    def columns(self) -> Sequence[Column]:
        """Latitude and longitude in millionths of a degree."""
        return (Column(f"{self.name}_latitude", "integer"), Column(f"{self.name}_longitude", "integer"))

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """Both columns."""
        if value is None:
            return {f"{self.name}_latitude": None, f"{self.name}_longitude": None}
        return {
            f"{self.name}_latitude": int(value.latitude.scaleb(6)),
            f"{self.name}_longitude": int(value.longitude.scaleb(6)),
        }

    def from_columns(self, row: Mapping[str, Any]) -> Any:
        """The point again."""
        latitude, longitude = row[f"{self.name}_latitude"], row[f"{self.name}_longitude"]
        if latitude is None or longitude is None:
            return None
        return Place(Decimal(latitude).scaleb(-6), Decimal(longitude).scaleb(-6))

    def parse(self, raw: Any, context: Context) -> Place | None:
        """``40.7128, -74.0060``, two numbers, or ``{"latitude": ..., "longitude": ...}``; rounded to six decimals."""
        if isinstance(raw, Place):
            raw = (raw.latitude, raw.longitude)
        elif isinstance(raw, Mapping):
            if raw.keys() - set(self.parts):
                raise Invalid(self._message)
            raw = (raw.get("latitude"), raw.get("longitude"))
        elif isinstance(raw, str):
            text = raw.strip().strip("()")
            raw = tuple(text.replace(";", ",").split(",")) if text else None
        if raw is None or (isinstance(raw, list | tuple) and all(part is None or part == "" for part in raw)):
            return None
        if not isinstance(raw, list | tuple) or len(raw) != 2:
            raise Invalid(self._message)
        latitude, longitude = map(read_number, raw)
        if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
            raise Invalid(self._message)
        return Place(latitude.quantize(_MILLIONTH) + 0, longitude.quantize(_MILLIONTH) + 0)

    def search_text(self, value: Any, context: Context) -> str:
        """Nobody searches for digits of a point."""
        return ""

    def to_json(self, value: Any) -> dict[str, str] | None:
        """Both numbers as text."""
        return None if value is None else {"latitude": str(value.latitude), "longitude": str(value.longitude)}

    def json_schema(self) -> dict[str, Any]:
        """Both numbers as text."""
        number = {"type": "string", "pattern": r"^-?[0-9]{1,3}(\.[0-9]{1,6})?$"}
        return {
            "type": "object",
            "properties": {"latitude": number, "longitude": number},
            "required": ["latitude", "longitude"],
            "additionalProperties": False,
        }
