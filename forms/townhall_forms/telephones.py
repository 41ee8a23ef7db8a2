"""Telephone numbers: read by the library that knows the world's numbering plans, plain ones by what it says of them.

The library takes fifty microseconds to find out what most numbers show by themselves: a country code, digits of a
length that the country has, and no prefix that is dialled inside it. Everything else is left to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from townhall_forms.errors import Invalid

_PLAIN = re.compile(r"(\+?)\(?([0-9][0-9 ().-]{3,30})")
_PUNCTUATION = str.maketrans("", "", " ().-")
_LONGEST_CODE = 3


@dataclass(frozen=True, slots=True)
class _Numbering:
    """What the library knows of a country's numbers: their lengths, and what is dialled before them."""

    code: str
    lengths: frozenset[int]
    prefix: re.Pattern[str]
    abroad: re.Pattern[str]

    def has(self, digits: str) -> bool:
        """Whether these digits are a number of the country from the first to the last."""
        return digits[0] != "0" and len(digits) in self.lengths and self.prefix.match(digits) is None


def read_phone(text: str, country: str) -> str:
    """The number in E.164, an extension after ``;ext=``; one without a country code is in ``country``.

    Raises :class:`~townhall_forms.errors.Invalid`.
    """
    return _plain(text, country) or judged_phone(text, country)


@lru_cache(maxsize=4096)
def judged_phone(text: str, country: str) -> str:
    """What the library makes of a number, however it is written."""
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException as error:
        raise Invalid("Enter a phone number, with its area code.") from error
    # Possible, not valid: numbering plans change faster than a town updates, and a clerk must be able to write
    # down what the caller said.
    if not phonenumbers.is_possible_number(number):
        raise Invalid("Enter a phone number with all its digits, area code included.")
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain};ext={number.extension}" if number.extension else plain


def _plain(text: str, country: str) -> str:
    """The number, if it is one that nobody could read in two ways."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return ""
    plus, written = found.groups()
    digits = written.translate(_PUNCTUATION)
    if plus:
        return f"+{digits}" if _apart(digits) else ""
    home = _at_home(country)
    if home is None or digits.startswith(home.code) or home.abroad.match(digits) is not None:
        return ""
    everywhere = _numbering(home.code)
    possible = everywhere is not None and len(digits) in everywhere.lengths and home.has(digits)
    return f"+{home.code}{digits}" if possible else ""


def _apart(digits: str) -> tuple[str, str] | None:
    """The code of the country and the number inside it, where nobody could tell them apart in another way."""
    for length in range(1, _LONGEST_CODE + 1):
        numbering = _numbering(digits[:length])
        if numbering is not None:
            rest = digits[length:]
            return (digits[:length], rest) if rest and numbering.has(rest) else None
    return None


@lru_cache(maxsize=1024)
def _numbering(code: str) -> _Numbering | None:
    """The numbering of the country, or the first of the countries, with this code; ``None`` if there is none."""
    if code[:1] in ("", "0") or int(code) not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return None
    region = phonenumbers.region_code_for_country_code(int(code))
    return _described(phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region))


@lru_cache(maxsize=512)
def _at_home(country: str) -> _Numbering | None:
    """The numbering inside a country; ``None`` if the library doesn't know it."""
    if country not in phonenumbers.SUPPORTED_REGIONS:
        return None
    return _described(phonenumbers.PhoneMetadata.metadata_for_region(country, None))


def _described(metadata: phonenumbers.PhoneMetadata | None) -> _Numbering | None:
    if metadata is None or metadata.general_desc is None or metadata.country_code is None:
        return None
    described = metadata.general_desc
    return _Numbering(
        code=str(metadata.country_code),
        lengths=frozenset(described.possible_length) - frozenset(described.possible_length_local_only),
        prefix=_starting(metadata.national_prefix_for_parsing),
        abroad=_starting(metadata.international_prefix),
    )


def _starting(pattern: str | None) -> re.Pattern[str]:
    return re.compile(pattern or "(?!)")


@lru_cache(maxsize=4096)
def write_phone(value: str, country: str) -> str:
    """A kept number as it is written in ``country``: national at home, international for the rest of the world."""
    digits = value[1:]
    parts = _apart(digits) if value[:1] == "+" and digits.isascii() and digits.isdecimal() else None
    if parts is None:
        return judged_writing(value, country)
    code, rest = parts
    return _written(phonenumbers.PhoneNumber(country_code=int(code), national_number=int(rest)), country)


def judged_writing(value: str, country: str) -> str:
    """What the library makes of a kept number; what it can't read stays as it is."""
    try:
        number = phonenumbers.parse(value.replace(";ext=", " ext. "), None)
    except phonenumbers.NumberParseException:
        return value
    return _written(number, country)


def _written(number: phonenumbers.PhoneNumber, country: str) -> str:
    home = country in phonenumbers.region_codes_for_country_code(number.country_code or 0)
    style = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, style)
