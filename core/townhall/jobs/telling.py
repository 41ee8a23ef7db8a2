"""Telling colleagues by mail what waits for them in the app: notices that they have not seen, and the week's digest.

What is told stands in the app first, so a town without a mail server loses nothing. Each is put into the outbox once,
however often the job runs and by however many processes; and of all the notices of a run everybody gets one mail, so
that a morning on which much is due fills nobody's mailbox.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.cases import digest_delivery
from townhall.db.transactions import immediate
from townhall.messages import outbox
from townhall.presentation import plural
from townhall.records import reading
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

#: How old what is told may be: when a mail server is set up, nobody is sent the news of last year.
NEWS = timedelta(days=1)
DIGEST = timedelta(days=3)
#: Notices that one mail tells; of more it says how many.
TOLD = 50


def run(town: Town) -> str:
    """Put what is new into the outbox; how many mails that are, in a sentence."""
    if not town.settings.mail_host:
        return ""
    number = _notices(town) + _digests(town)
    return f"{number} to colleagues put into the outbox." if number else ""


def _notices(town: Town) -> int:
    """Put the notices that nobody saw so far into the outbox, one mail for each person."""
    table, user = town.system.notice, town.system.user
    now = town.clock.now()
    with immediate(town.database):
        # Said of the rows as they are found, so that no two processes tell the same.
        told = (
            table.update(mailed_at=to_microseconds(now))
            .where(
                table.seen_at.is_null(),
                table.mailed_at.is_null(),
                table.at >= to_microseconds(now - NEWS),
                table.user_id.in_(user.select(user.id).where(user.active)),
            )
            .returning(table.id, table.user_id, table.identity, table.record_id, table.text)
        )
        rows = sorted(told.tuples().execute())
        numbers = _numbers(town, {(identity, record_id) for _, _, identity, record_id, _ in rows})
        of_person: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
        for id, person, identity, record_id, text in rows:
            place = f"{digest_delivery.address(town)}/admin/{identity.replace('.', '/')}/{record_id}/"
            said = f"{_name(town, identity, numbers.get((identity, record_id), ''))}: {text}"
            of_person[person].append((id, said, place))
        return sum(_tell(town, person, notices) for person, notices in of_person.items())


def _tell(town: Town, person: int, notices: list[tuple[int, str, str]]) -> bool:
    first, said, _ = notices[0]
    subject = said if len(notices) == 1 else f"{plural(len(notices), 'notice')} about cases"
    parts = [f"{said}\n\n{place}" for _, said, place in notices[:TOLD]]
    if len(notices) > TOLD:
        parts.append(
            f"{plural(len(notices) - TOLD, 'more notice')} in Townhall: {digest_delivery.address(town)}/admin/"
        )
    return _add(town, "notice", str(first), person, subject, "\n\n".join(parts))


def _numbers(town: Town, cases: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
    """The numbers of cases, one question for each type."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for identity, id in cases:
        if identity in town.schemas:
            wanted[identity].add(id)
    return {
        (identity, record.id): record.number
        for identity, ids in wanted.items()
        for record in reading.many(town, system(), identity, sorted(ids), fields=())
    }


def _name(town: Town, identity: str, number: str) -> str:
    """What a case is called in a mail: its type and number, and nothing of what it is about."""
    record_type = town.schemas.get(identity)
    if record_type is None:
        return "A case"
    return " ".join(part for part in (record_type.label, number) if part)


def _digests(town: Town) -> int:
    table, user = town.system.weekly_digest, town.system.user
    since = to_microseconds(town.clock.now() - DIGEST)
    rows = (
        table.select(table.week, table.user_id, table.subject, table.body)
        .join(user, on=(user.id == table.user_id))
        .where(table.at >= since, user.active)
        .order_by(table.id)
        .tuples()
    )
    return sum(_add(town, "digest", week, person, subject, body) for week, person, subject, body in list(rows))


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
