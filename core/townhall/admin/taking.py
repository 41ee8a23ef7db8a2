"""What is taken out of the house through these pages is written down, before it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import has_request_context
from flask import request

from townhall.access.actors import Actor
from townhall.records import disclosing

if TYPE_CHECKING:
    from townhall.town import Town


def takes_nothing() -> bool:
    """Whether a request asks only what an answer would be like, and gets nothing of what stands in it."""
    return has_request_context() and request.method == "HEAD"


def write_down(
    town: Town, actor: Actor, identity: str, action: str, rows: int | None, filters: Sequence[str] = ()
) -> None:
    """The same as :func:`townhall.records.disclosing.write_down`, of what this request takes along, if it does."""
    if not takes_nothing():
        disclosing.write_down(town, actor, identity, action, rows, filters)
