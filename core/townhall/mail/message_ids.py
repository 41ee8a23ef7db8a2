"""Message-IDs that only this town can make, so that a reply can be trusted to belong to a case.

``<th-complaints.service_request.12-3fa9c0d1e2b4-9f86d081884c7d65@milbrook.example>``: the case, the message, and 16
hexadecimal digits keyed with the town's secret.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

from townhall.messages.outbox import Message

if TYPE_CHECKING:
    from townhall.town import Town

_OWN = re.compile(
    r"<?th-((?P<identity>[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)\.(?P<id>\d{1,18})-[0-9a-f]{12})-(?P<mac>[0-9a-f]{16})@"
)


def make(town: Town, message: Message, domain: str) -> str:
    """The Message-ID of a message: its own, and the same each time it is tried."""
    told = f"{message.identity}.{message.record_id}-{message.key[:12]}"
    return f"<th-{told}-{_mac(town, told)}@{domain}>"


def thread(town: Town, message: Message, domain: str) -> str:
    """A reference that all messages about one case begin with, so that mail programs keep them together."""
    told = f"{message.identity}.{message.record_id}"
    return f"<th-case-{told}-{_mac(town, told)}@{domain}>"


def case_of(town: Town, text: str) -> tuple[str, int] | None:
    """Identity and id of the case that a Message-ID of ours is about; ``None`` if this town didn't make it."""
    found = _OWN.match(text.strip())
    if found is None or not hmac.compare_digest(found["mac"], _mac(town, found[1])):
        return None
    return found["identity"], int(found["id"])


def _mac(town: Town, told: str) -> str:
    return hmac.digest(town.secret, b"message id " + told.encode("ascii"), "sha256").hex()[:16]
