"""Telling colleagues by mail what waits for them in the app: notices that they have not seen, and the week's digest.

What is told stands in the app first, so a town without a mail server loses nothing. Each is put into the outbox once,
however often the job runs and by however many processes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.cases import digest_delivery
from townhall.errors import NotFound
from townhall.messages import outbox
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

#: How old what is told may be: when a mail server is set up, nobody is sent the news of last year.
NEWS = timedelta(days=1)
DIGEST = timedelta(days=3)


def run(town: Town) -> str:
    """Put what is new into the outbox; how many mails that are, in a sentence."""
    if not town.settings.mail_host:
        return ""
    number = sum(_add(town, *told) for told in (*_notices(town), *_digests(town)))
    return f"{number} to colleagues put into the outbox." if number else ""


def _notices(town: Town) -> list[tuple[str, str, int, str, str]]:
    """Event, key, person, subject and body of each notice that nobody saw so far."""
    table, user = town.system.notice, town.system.user
    since = to_microseconds(town.clock.now() - NEWS)
    rows = (
        table.select(table.id, table.user_id, table.identity, table.record_id, table.text)
        .join(user, on=(user.id == table.user_id))
        .where(table.seen_at.is_null(), table.at >= since, user.active)
        .order_by(table.id)
        .tuples()
    )
    told = []
    for id, person, identity, record_id, text in rows:
        place = f"{digest_delivery.address(town)}/admin/{identity.replace('.', '/')}/{record_id}/"
        said = f"{_name(town, identity, record_id)}: {text}"
        told.append(("notice", str(id), person, said, f"{said}\n\n{place}"))
    return told


def _name(town: Town, identity: str, record_id: int) -> str:
    """What a case is called in a mail: its type and number, and nothing of what it is about."""
    record_type = town.schemas.get(identity)
    if record_type is None:
        return "A case"
    try:
        number = town.records.get(system(), identity, record_id, fields=()).number
    except NotFound:
        number = ""
    return " ".join(part for part in (record_type.label, number) if part)


def _digests(town: Town) -> list[tuple[str, str, int, str, str]]:
    table, user = town.system.weekly_digest, town.system.user
    since = to_microseconds(town.clock.now() - DIGEST)
    rows = (
        table.select(table.week, table.user_id, table.subject, table.body)
        .join(user, on=(user.id == table.user_id))
        .where(table.at >= since, user.active)
        .order_by(table.id)
        .tuples()
    )
    return [("digest", week, person, subject, body) for week, person, subject, body in rows]


def _add(town: Town, event: str, cause: str, person: int, subject: str, body: str) -> bool:
    key = outbox.key_of(outbox.COLLEAGUE, person, f"{event} {cause}", 0, "")
    if outbox.is_there(town, key):
        return False
    user: Any = town.system.user
    email, name = user.select(user.email, user.name).where(user.id == person).tuples().get()
    outbox.add(
        town,
        key,
        {
            "identity": outbox.COLLEAGUE,
            "record_id": person,
            "event": event,
            "channel": "email",
            "recipient": email,
            "name": name,
            "subject": subject,
            "body": body,
            "status": "queued",
        },
    )
    return True
