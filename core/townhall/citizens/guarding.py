"""What the town hall changes about a contact ends what was open for it: whoever lost an address is signed out."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from townhall.citizens import links
from townhall.extend.values import Change
from townhall.records.domains import Domain
from townhall.records.people import CONTACT

if TYPE_CHECKING:
    from townhall.town import Town


def written(town: Town, changes: Sequence[Change]) -> None:
    """Sign out contacts that an address was taken from, or that nobody may be signed in as any more."""
    for change in changes:
        # Owners see to their own sessions, so that whoever takes an address away isn't signed out by it.
        if change.id is not None and change.actor.door != "portal" and _closed(change):
            links.end_all(town, change.id)


def _closed(change: Change) -> bool:
    if change.action == "archive" or change.values.get("merged_into") or change.values.get("deceased"):
        return True
    return bool(_addresses(change.before) - _addresses(change.values))


def _addresses(values: Mapping[str, Any] | None) -> frozenset[str]:
    rows = (values or {}).get("emails") or ()
    return frozenset(row["address"] for row in rows if not row.get("bounced"))


DOMAIN = Domain("citizens", lambda record_type: record_type.identity == CONTACT, written=written, greets=False)
