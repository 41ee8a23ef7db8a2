"""Pages below a type's list and below its records, found by the word in their address.

Every URL rule of an application costs a third of a millisecond when it starts, and a town has forty types with twenty
pages each. So a view has one rule for all pages of its list and one for all pages of a record.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from typing import Literal
from typing import TypeVar

from flask import abort
from flask import request

Below = Literal["list", "record"]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands: below the list or a record, under a word, perhaps with one more part behind it."""

    below: Below
    word: str
    more: bool
    methods: tuple[str, ...]


def page(below: Below, word: str, *, more: bool = False, methods: tuple[str, ...] = ("GET",)) -> Callable[[F], F]:
    """Make a method of a view the page at ``word``: ``…/12/edit``, or with ``more`` ``…/12/move/close``.

    The method takes the record's id, if it is below one, and what stands behind the word.
    """

    def mark(function: F) -> F:
        function.place = Place(below, word, more, methods)  # type: ignore[attr-defined]
        return function

    return mark


@cache
def pages_of(view: type) -> Mapping[tuple[Below, str, bool], tuple[str, Place]]:
    """The pages of a view's class: the name of the method and its place."""
    found = {}
    for name in dir(view):
        place = getattr(getattr(view, name, None), "place", None)
        if isinstance(place, Place):
            found[place.below, place.word, place.more] = (name, place)
    return found


def open_page(view: Any, below: Below, word: str, more: str | None, *arguments: Any) -> Any:
    """Run the page that an address asks for; 404 if there is none, 405 if it can't be opened that way."""
    view_type: type = type(view)
    found = pages_of(view_type).get((below, word, more is not None))
    if found is None:
        abort(404)
    name, place = found
    method = "GET" if request.method == "HEAD" else request.method
    if method not in place.methods:
        abort(405)
    return getattr(view, name)(*arguments, *(() if more is None else (more,)))
