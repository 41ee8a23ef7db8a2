"""The values that have a class of their own, and the lists of codes behind them."""

from __future__ import annotations

from decimal import Decimal

import phonenumbers
import pytest

from townhall_forms.codes import COUNTRIES
from townhall_forms.codes import LANGUAGES
from townhall_forms.codes import currency_digits
from townhall_forms.values import Address
from townhall_forms.values import Money
from townhall_forms.values import Place
from townhall_forms.values import Question
from townhall_forms.values import Questions
from townhall_forms.values import Reference


@pytest.mark.parametrize(
    ("money", "amount"),
    [
        (Money(118050, "USD"), Decimal("1180.50")),
        (Money(-1, "USD"), Decimal("-0.01")),
        (Money(500, "JPY"), Decimal("500")),
        (Money(1234, "KWD"), Decimal("1.234")),
    ],
)
def test_money_is_exact(money: Money, amount: Decimal) -> None:
    """An amount has exactly the decimals of its currency."""
    assert money.amount == amount
    assert -(money.amount.as_tuple().exponent) == currency_digits(money.currency)  # type: ignore[operator]


def test_addresses_in_one_line() -> None:
    """Empty parts leave no gaps, and the country stands there only when it is another one."""
    address = Address("2 Bridge Street", "", "Millbrook", "NY", "12545", "US")
    assert address.one_line(home="US") == "2 Bridge Street, Millbrook, NY 12545"
    assert address.one_line() == "2 Bridge Street, Millbrook, NY 12545, US"
    assert Address(postal_code="12545").one_line() == "12545"
    assert Address().one_line() == ""


def test_values_are_values() -> None:
    """Equal parts make equal values, which can stand in sets."""
    assert {Money(1, "USD"), Money(1, "USD")} == {Money(1, "USD")}
    assert {Reference("a.b", 1), Reference("a.b", 1)} == {Reference("a.b", 1)}
    assert str(Reference("a.b", 1)) == "a.b:1"
    assert str(Place(Decimal("1.5"), Decimal("-2"))) == "1.5, -2"


def test_questions_by_version() -> None:
    """A list of questions knows what was asked before, and what is asked no more."""
    old, new = Question("a", "A"), Question("b", "B", retired=True)
    questions = Questions(2, (old, new), {1: (old,)})
    assert questions.at() == questions.at(2) == (old, new)
    assert questions.at(1) == (old,)
    assert questions.at(7) == ()
    assert questions.asked == (old,)


def test_codes_are_the_published_ones() -> None:
    """Every country that has telephones is in the list, under a code of two capitals; languages likewise."""
    assert not phonenumbers.SUPPORTED_REGIONS - set(COUNTRIES) - {"AC", "TA", "XK"}
    assert all(len(code) == 2 and code.isupper() for code in COUNTRIES)
    assert len(COUNTRIES) == 249
    assert all(code.islower() and name[0].isupper() for code, name in LANGUAGES.items())
    assert list(COUNTRIES.values()) == sorted(COUNTRIES.values())
