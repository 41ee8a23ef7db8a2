"""Messages in the outbox about planted cases, of every kind that it shows, and the pages that show them.

Whom a message goes to, and what a server says of their address, is for who may read whose the case is.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from townhall.admin import urls
from townhall.admin.outbox_page import TABS
from townhall.messages import outbox
from townhall.messages import recipients
from townhall.records.people import CONTACT
from townhall.testing.privacy.markers import Marker
from townhall.testing.privacy.planting import Planted
from townhall.testing.privacy.planting import Planter
from townhall.testing.privacy.surfaces import Surface
from townhall.testing.privacy.watching import Watch

#: What may become of a message, by its way.
_KINDS = (("email", "dead"), ("email", "failed"), ("email", "sent"), ("email", "queued"), ("letter", "queued"))


def post(watch: Watch, planter: Planter, planted: Planted) -> None:
    """Put messages about a planted case into the outbox, one of each kind; what is no case gets none."""
    record, town = planted.record, watch.town
    if not record.type.is_case or not record.type.contacts:
        return
    contact = recipients.contact_of(town, record) or planter.sampler.record(CONTACT).id
    word = planter.mint.word()
    watch.markers[word] = (
        Marker(word, record.identity, planted.name, "messages.recipient", "internal", sure=False),
        planted,
    )
    for channel, status in _KINDS:
        values: dict[str, Any] = {
            "identity": record.identity,
            "record_id": record.id,
            "number": record.number,
            "event": "message",
            "channel": channel,
            "contact_id": contact,
            "recipient": f"{word}@post.example",
            "name": word,
            "subject": "About your case",
            "body": "A crew comes.",
            "status": status,
            "error": f"550 <{word}@post.example>: rejected" if status in ("dead", "failed") else "",
        }
        outbox.add(town, f"walk {channel} {status} {record.identity} {record.id}", values)


def tabs() -> Iterator[Surface]:
    """Each tab of the outbox."""
    for name, _, _ in TABS:
        yield Surface(f"{urls.OUTBOX}?show={name}", f"messages ({name})")


def about(planted: Iterable[Planted]) -> Iterator[Surface]:
    """All messages about each planted case."""
    for each in planted:
        if each.record.type.is_case:
            address = f"{urls.OUTBOX}?about={each.record.identity}:{each.record.id}"
            yield Surface(address, f"messages about {each.name}")
