"""Putting the words of a template together for one record: plain text, line by line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from townhall.messages import placeholders
from townhall.messages.placeholders import LINK
from townhall.messages.placeholders import Facts
from townhall.records.types import Record
from townhall_forms.placeholders import InvalidTemplate
from townhall_forms.placeholders import Template

if TYPE_CHECKING:
    from townhall.town import Town

LONGEST_SUBJECT = 200
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_BLANK_LINES = re.compile(r"\n{3,}")
#: What stands in a text that is shown or kept, where the secret link goes in what is sent.
LINK_IN_WORDS = "(link to the status page)"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029" + LINK + "]")


def subject(town: Town, text: str, facts: Facts) -> str:
    """The subject in one line."""
    found = placeholders.resolve(town, facts, subject=True)
    words = _fill(" ".join(text.split()), found.__getitem__) or ""
    return " ".join(words.split())[:LONGEST_SUBJECT]


def body(town: Town, text: str, facts: Facts) -> str:
    """The text, with :data:`~townhall.messages.placeholders.LINK` where the link belongs.

    A line that says nothing without its placeholders, such as “Planned for: {visit_at}”, is left out when they are all
    empty, with the gap that it would leave.
    """
    found = placeholders.resolve(town, facts)
    lines = [_fill(line, found.__getitem__) for line in text.replace("\r\n", "\n").split("\n")]
    return tidy("\n".join(line.rstrip() for line in lines if line is not None))


def with_link(text: str, record: Record) -> str:
    """The text, with a line that says where to see how far the case is unless it says so itself, or nobody can."""
    if LINK in text or not record.type.has_status_page:
        return text
    return f"{text}\n\nYour number is {record.number}. How far it is, and all messages: {LINK}"


def clean(text: str) -> str:
    """What somebody typed, without control characters and marks of our own."""
    return _CONTROL.sub("", text.replace("\r\n", "\n")).strip()


def tidy(text: str) -> str:
    """At most one empty line between paragraphs, and none around them."""
    return _BLANK_LINES.sub("\n\n", text).strip()


def readable(text: str) -> str:
    """A text as it may be shown and kept: with words where the secret link goes."""
    return text.replace(LINK, LINK_IN_WORDS)


def _fill(line: str, get: Callable[[str], str]) -> str | None:
    """One line with its placeholders filled in; ``None`` if nothing is left of it."""
    try:
        template = Template(line)
    except InvalidTemplate:
        return line  # words that were copied here from elsewhere may hold a lone brace
    if not template.paths:
        return line
    texts = [get(path) for path in template.paths]
    if not any(text.strip() for text in texts):
        rest = _PLACEHOLDER.sub("", line).strip()
        if not any(letter.isalnum() for letter in rest) or rest.endswith(":"):
            return None
    return template.fill(texts)
