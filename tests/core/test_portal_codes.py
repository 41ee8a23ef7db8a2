"""Secret links as something that a person can read out and type in."""

from __future__ import annotations

import secrets

import pytest

from townhall.records import link_codes


def test_code_and_token_are_the_same_secret() -> None:
    """Every token has a readable code, and the code typed in is the token again."""
    for _ in range(200):
        token = secrets.token_urlsafe(16)
        assert link_codes.typed(link_codes.readable(token)) == token


def test_code_is_groups_of_four_without_letters_that_look_alike() -> None:
    """A code has 26 letters and digits in groups, none of them I, L, O or U."""
    code = link_codes.readable(secrets.token_urlsafe(16))
    assert [len(group) for group in code.split("-")] == [4, 4, 4, 4, 4, 4, 2]
    assert not set(code) & set("ILOU")


@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        lambda code: code.replace("-", " "),
        lambda code: code.replace("-", ""),
        lambda code: code.replace("0", "O").replace("1", "l"),
        lambda code: f"  {code}  ",
    ],
)
def test_typing_is_forgiving(change) -> None:  # type: ignore[no-untyped-def]
    """Small letters, spaces and look-alikes don't matter."""
    for _ in range(50):
        token = secrets.token_urlsafe(16)
        assert link_codes.typed(change(link_codes.readable(token))) == token


def test_token_and_whole_link_may_be_pasted() -> None:
    """Somebody may paste the whole link, or the token out of it."""
    token = secrets.token_urlsafe(16)
    assert link_codes.typed(f"https://town.example/status/SR-2026-000001/{token}") == token
    assert link_codes.typed(f"https://town.example/status/SR-2026-000001/{token}/") == token
    assert link_codes.typed(token) == token


@pytest.mark.parametrize("text", ["", "hello", "SR-2026-000001", "!" * 26, "Z" * 26, "https://town.example/", "U" * 26])
def test_anything_else_is_no_token(text: str) -> None:
    """What can't be a code gives an empty answer and no error."""
    assert link_codes.typed(text) == ""
