"""Delivering what waits in the outbox. Any number of processes may do it at once; each message goes out once.

A process claims a few messages for as long as a lease lasts, sends one after the other, and marks each as sent as soon
as the server has taken it. If it dies, the lease runs out and another one sends the rest. Only a death between the
server's “250 OK” and the mark, or a “250 OK” that doesn't arrive, makes a second copy, of that one message and with the
same Message-ID; mail has no way to rule that out.

A message that is put off is tried again after 1, 2, 4 ... minutes, for about four days. If the server itself fails,
nothing is counted against any message: sending rests, twice as long each time, up to half an hour.

Where a message goes, and whether it still may, is found out when it goes out and not when it was written.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from email.errors import MessageError
from typing import TYPE_CHECKING
from typing import Any

from townhall.db.transactions import immediate
from townhall.mail import composing
from townhall.mail.server import MailServer
from townhall.mail.server import Refused
from townhall.mail.server import ServerFailed
from townhall.mail.server import TryLater
from townhall.messages import going_out
from townhall.messages import outbox
from townhall.messages import personal
from townhall.messages import switches
from townhall.messages.going_out import Verdict
from townhall.messages.outbox import Message
from townhall.records.instants import to_microseconds
from townhall_forms.schema import RECEIVED

if TYPE_CHECKING:
    from townhall.town import Town

#: How many messages a process claims at once, for how long, and how many it sends in one run.
BATCH, LEASE, MOST = 20, timedelta(minutes=15), 2000
#: After so many messages in a row at which the server failed no more is tried.
IN_A_ROW = 3
#: Waiting after the first failure and at most, and the failures after which a person has to look at it.
FIRST_WAIT, LONGEST_WAIT, MOST_ATTEMPTS = timedelta(minutes=1), timedelta(hours=6), 24


def run(town: Town, *, most: int = MOST) -> str:
    """Send what waits; one sentence of what was done, empty if there was nothing to do.

    Raises :class:`~townhall.errors.ConfigurationError` if something waits and the town has no address to send from.
    """
    if not town.settings.mail_host or switches.paused(town.system) or switches.resting(town) is not None:
        return ""
    if not waiting(town):
        return ""
    composing.sender(town)
    server = MailServer(town.settings, town.instance)
    made = _Run(town, server)
    try:
        while made.goes_on(most) and (batch := claim(town, min(BATCH, most - made.count))):
            made.send(batch)
    finally:
        server.close()
    made.settle()
    return _told(made.sent, made.failed, made.problem)


def waiting(town: Town) -> bool:
    """Whether something is to go out now."""
    table = town.system.outbox
    return bool(table.select(table.id).where(_due(table, to_microseconds(town.clock.now()))).exists())


class _Run:
    """One run: what was sent, and what came in the way.

    A server that says in the middle of a message that it takes nothing may mean all mail or only this message. The next
    ones tell: if it takes others in the same run, the message is put off, as if the server had said so of it alone.
    """

    def __init__(self, town: Town, server: MailServer) -> None:
        self.sent = self.failed = 0
        self.problem = ""
        self._town, self._server = town, server
        self._failure: ServerFailed | None = None
        self._last: ServerFailed | None = None
        self._suspects: list[tuple[Message, str, str]] = []
        self._in_a_row = 0

    @property
    def count(self) -> int:
        """How many messages it was about so far."""
        return self.sent + self.failed + len(self._suspects)

    def goes_on(self, most: int) -> bool:
        """Whether more may be sent."""
        return self.count < most and not self.problem and not self._failure

    def send(self, batch: list[tuple[Message, str]]) -> None:
        """Send what was claimed, and give back what could not be tried."""
        verdicts = going_out.judge(self._town, [message for message, _ in batch])
        for place, (message, token) in enumerate(batch):
            if switches.paused(self._town.system):
                self.problem = "Sending was paused."
            elif not _renew(self._town, message, token):
                continue
            else:
                self._send(message, token, verdicts[message.id])
            if self.problem or self._failure:
                suspected = {each.id for each, _, _ in self._suspects}
                _give_back(self._town, [each for each in batch[place:] if each[0].id not in suspected])
                return

    def _send(self, message: Message, token: str, verdict: Verdict) -> None:
        try:
            good = _send(self._town, self._server, message, token, verdict)
        except ServerFailed as error:
            if error.of_message:
                self._suspects.append((message, token, error.of_message))
                self._in_a_row += 1
            if not error.of_message or self._in_a_row >= IN_A_ROW:
                self._failure = error
            self._last = error
        else:
            self.sent, self.failed = self.sent + good, self.failed + (not good)
            self._in_a_row = 0 if good else self._in_a_row

    def settle(self) -> None:
        """Say whose trouble it was: that of the messages at which the server failed, or its own; then it rests."""
        town = self._town
        theirs = self._is_theirs()
        failure = self._failure or (self._last if self._suspects and not theirs else None)
        behind = town.clock.now()
        if failure is not None:
            self.problem = str(failure)
            behind = switches.let_rest(town, self.problem).until + FIRST_WAIT
        elif theirs:
            switches.end_rest(town.system)
        for message, token, reason in self._suspects:
            if theirs:
                _put_off(town, message, token, reason)
                self.failed += 1
            else:
                # What may be to blame goes after all others, so that it keeps none of them.
                _give_back(town, [(message, token)], next_at=to_microseconds(behind))

    def _is_theirs(self) -> bool:
        if self._failure is not None and not self._failure.of_message:
            return False
        if self.sent or len(self._suspects) != 1:
            return self.sent > 0
        # It came alone: then it is its own trouble if it was before, or if that happened again and again.
        rest = switches.rest(self._town.system)
        return self._suspects[0][0].attempts > 0 or (rest is not None and rest.failures >= IN_A_ROW)


def claim(town: Town, count: int) -> list[tuple[Message, str]]:
    """Take messages that are due, for as long as the lease lasts; each with the token of the claim."""
    now = town.clock.now()
    table = town.system.outbox
    due = _due(table, to_microseconds(now))
    token = secrets.token_hex(16)
    with immediate(town.database):
        chosen = [
            row[0]
            for row in table.select(table.id)
            .where(due)
            .order_by(table.automatic, table.next_at, table.id)
            .limit(count)
            .tuples()
        ]
        if not chosen:
            return []
        # What somebody else took in the meantime is not due any more when the row is looked at again.
        table.update(status="sending", claim=token, lease_until=to_microseconds(now + LEASE)).where(
            table.id.in_(chosen), due
        ).execute()
        mine = table.id.in_(chosen) & (table.claim == token)
        taken = [row[0] for row in table.select(table.id).where(mine).order_by(table.id).tuples()]
    found = {message.id: message for message in outbox.find(town, ids=taken, limit=len(taken))} if taken else {}
    return [(found[id], token) for id in chosen if id in found]


def _due(table: Any, now: int) -> Any:
    waits = table.status.in_(["queued", "failed"]) & (table.next_at <= now)
    left = (table.status == "sending") & (table.lease_until < now)
    # That it is open follows from the rest. It is said for the index of statuses, past all that was ever sent.
    return table.status.in_(list(outbox.OPEN)) & (table.channel == "email") & (waits | left)


def _renew(town: Town, message: Message, token: str) -> bool:
    """Take the lease anew before sending; ``False`` if it ran out and somebody else has the message."""
    until = to_microseconds(town.clock.now() + LEASE)
    return _change(town, message, token, lease_until=until)


def _send(town: Town, server: MailServer, message: Message, token: str, verdict: Verdict) -> bool:
    """Send one message and keep what came of it; whether it went out. Raises :class:`ServerFailed`."""
    if reason := personal.outdated(town, message):
        verdict = Verdict("", "dropped", reason)
    if verdict.reason:
        _change(town, message, token, status=verdict.status, error=verdict.reason, claim="")
        return False
    if message.recipient != verdict.address:
        _change(town, message, token, recipient=verdict.address)
        message = replace(message, recipient=verdict.address)
    try:
        mail = composing.compose(town, message)
        # Nobody is told that an acknowledgement could not be delivered: that is how loops begin.
        silent = message.automatic and message.event == RECEIVED
        server.send(mail, composing.sender(town).addr_spec, composing.recipient(mail), without_return=silent)
    except Refused as error:
        _bury(town, message, token, str(error))
        switches.end_rest(town.system)
        return False
    except TryLater as error:
        _put_off(town, message, token, str(error))
        if error.broken:
            raise ServerFailed(str(error)) from error
        switches.end_rest(town.system)
        return False
    except (MessageError, ValueError, LookupError) as error:
        _bury(town, message, token, f"No mail can be made of it: {error}.")
        return False
    _change(
        town,
        message,
        token,
        status="sent",
        sent_at=to_microseconds(town.clock.now()),
        message_id=str(mail["Message-ID"]),
        attempts=message.attempts + 1,
        error="",
    )
    switches.end_rest(town.system)
    return True


def _put_off(town: Town, message: Message, token: str, reason: str) -> None:
    attempts = message.attempts + 1
    if attempts >= MOST_ATTEMPTS:
        _bury(town, message, token, reason)
        return
    again = to_microseconds(next_try(town.clock.now(), attempts))
    _change(town, message, token, status="failed", attempts=attempts, next_at=again, error=reason, claim="")


def _bury(town: Town, message: Message, token: str, reason: str) -> None:
    _change(town, message, token, status="dead", attempts=message.attempts + 1, error=reason, claim="")


def next_try(now: datetime, attempts: int) -> datetime:
    """When a message is tried again that failed so often."""
    wait: timedelta = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
    return now + wait


def _give_back(town: Town, batch: list[tuple[Message, str]], **values: Any) -> None:
    """Let others, or a later run, have what was claimed and not sent; nothing is counted against it."""
    for message, token in batch:
        _change(town, message, token, status="failed" if message.attempts else "queued", claim="", **values)


def _change(town: Town, message: Message, token: str, **values: Any) -> bool:
    """Change a row as long as it is claimed by us."""
    table = town.system.outbox
    mine = (table.id == message.id) & (table.claim == token) & (table.status == "sending")
    return bool(table.update(**values).where(mine).execute())


def _told(sent: int, failed: int, problem: str) -> str:
    parts = [f"{_messages(sent)} sent."] if sent else []
    parts += [f"{_messages(failed)} could not be sent."] if failed else []
    return " ".join(filter(None, (*parts, problem)))


def _messages(count: int) -> str:
    return f"{count:,} message{'' if count == 1 else 's'}"
