"""Plain telephone numbers are told apart without the library, and read and written exactly as it would."""

from __future__ import annotations

import random

import phonenumbers
import pytest

from townhall_forms.errors import Invalid
from townhall_forms.telephones import judged_phone
from townhall_forms.telephones import judged_writing
from townhall_forms.telephones import read_phone
from townhall_forms.telephones import write_phone

NASTY = (
    "+1 513 555 0142", "+15135550142", "1 513 555 0142", "513 555 0142", "(513) 555-0142", "513.555.0142", "555 0142",
    "+1 (513) 555-0142", "+1 113 555 0142", "+1 013 555 0142", "+1 5135550142 ", "+1 51355501422", "+1 513555014",
    "+44 20 7946 0958", "+44 (0)20 7946 0958", "020 7946 0958", "+39 06 698 12345", "06 698 12345", "+49 30 123456",
    "011 44 20 7946 0958", "00 44 20 7946 0958", "0044 20 7946 0958", "8 800 555 35 35", "+7 8 800 555 35 35",
    "+800 1234 5678", "+808 1234 5678", "+870 123 456 789", "+979 123 456 789", "+999 123 4567", "+0 123 456", "+",
    "+1", "+12", "+123", "1234", "12", "911", "+54 9 11 2345 6789", "+54 11 15 2345 6789", "+52 1 55 1234 5678",
    "+55 11 91234 5678", "+55 0 21 11 91234 5678", "+36 06 1 234 5678", "+262 262 12 34 56", "+290 22158",
    "+1 246 230 1234", "1246 230 1234", "230 1234", "+61 8 9160 1234", "+378 0549 886377", "+1 513 555 0142 - ",
    "+1 513 555 0142 x3", "+1 513 555 0142;ext=3", "+1-513-555-0142()", "+(1) 513 555 0142", "((513) 555-0142",
    ".513 555 0142", "-513 555 0142", "+1 513 555 0142 / 0143", "١٢٣٤٥٦٧٨٩٠", "+1 ５１３ 555 0142", "1800 FLOWERS",
    "0" * 10, "1" * 10, "+" + "0" * 10, "+1" + "0" * 10, "+39" + "0" * 10, "9" * 31, "+1 513 555 0142" + " " * 40,
    "tel:+1-513-555-0142", "+1 513\u00a0555 0142", "+1\t513 555 0142", "(+1) 513 555 0142", "++1 513 555 0142",
)  # fmt: skip
HOMES = ("US", "CA", "BB", "GB", "DE", "IT", "AR", "BR", "RU", "KZ", "AU", "MX", "HU", "SM", "CH", "FR", "", "XX")


def read(reader: object, text: str, country: str) -> str:
    """What a reader says: the number, or why there is none."""
    assert callable(reader)
    try:
        return str(reader(text, country))
    except Invalid as invalid:
        return invalid.message


@pytest.mark.parametrize("country", HOMES)
def test_nasty_numbers_are_read_as_the_library_does(country: str) -> None:
    """However a number is written and wherever the town is, the short way gives what the library gives."""
    for text in NASTY:
        assert read(read_phone, text, country) == read(judged_phone, text, country), text


def test_numbers_of_all_countries_are_read_as_the_library_does() -> None:
    """For every country code there is, digits of every length and any beginning are read the same, from everywhere."""
    chance = random.Random(1887)
    regions = ["", *sorted(phonenumbers.SUPPORTED_REGIONS)]
    short = 0
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        for length in range(3, 16):
            digits = "".join(chance.choices("0123456789", k=length))
            country = chance.choice(regions)
            for text in (f"+{code} {digits}", f"{code}{digits}", digits):
                judged = read(judged_phone, text, country)
                assert read(read_phone, text, country) == judged, (text, country)
                short += judged.startswith("+")
    assert short > 1000  # so that enough of them were numbers at all


def test_numbers_at_home_are_read_as_the_library_does() -> None:
    """The same for numbers without a country code in each country: its own trunk and exit prefixes are heeded."""
    chance = random.Random(1888)
    for country in sorted(phonenumbers.SUPPORTED_REGIONS):
        code = phonenumbers.country_code_for_region(country)
        for length in range(4, 13):
            for start in ("", "0", "00", "1", "8", "011", str(code)):
                text = start + "".join(chance.choices("0123456789", k=length))
                assert read(read_phone, text, country) == read(judged_phone, text, country), (text, country)


def test_kept_numbers_are_written_as_the_library_does() -> None:
    """Whatever is kept, of any country and any length, is written the same at home, elsewhere and nowhere."""
    chance = random.Random(1889)
    regions = ["", *sorted(phonenumbers.SUPPORTED_REGIONS)]
    nasty = ["+", "+1", "5135550142", "+1 513 555 0142", "+15135550142;ext=7", "+١٢٣٤٥٦٧٨٩٠", "+390669812345", "++1513"]
    kept = [(value, "IT") for value in nasty]
    for home in regions[1:]:
        kept += [(example, home) for example in _examples(home)]
    for code, (home, *_) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        kept += [(f"+{code}{''.join(chance.choices('0123456789', k=length))}", home) for length in range(3, 16)]
    assert len(kept) > 3000
    for value, home in kept:
        for country in ("US", "GB", chance.choice(regions), home):
            assert write_phone(value, country) == judged_writing(value, country), (value, country)


def _examples(region: str) -> list[str]:
    """Numbers that a region really has, as they are kept."""
    numbers = [phonenumbers.example_number_for_type(region, kind) for kind in phonenumbers.PhoneNumberType.values()]
    return [
        phonenumbers.format_number(each, phonenumbers.PhoneNumberFormat.E164) for each in numbers if each is not None
    ]
