"""Whether messages get to people: what ``townhall doctor`` says about them, the outbox, and the job that sends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from townhall.errors import TownhallError
from townhall.mail import composing
from townhall.mail.server import MailServer
from townhall.messages import outbox
from townhall.messages import switches

if TYPE_CHECKING:
    from townhall.town import Town


def failing(town: Town) -> str:
    """Why no mail goes out and when that is tried again, as long as mail waits for a server that took nothing when it
    was last asked; empty otherwise.
    """
    rest = switches.rest(town.system) if town.settings.mail_host else None
    due = outbox.next_try(town) if rest is not None else None
    if rest is None or due is None:
        return ""
    return f"{rest.reason.rstrip('.')}. It is tried again {_at(town, max(rest.until, due))}; no message is lost."


def when(town: Town) -> str:
    """When a message goes out that is due now, to stand behind “is tried again”."""
    if not town.settings.mail_host:
        return "once a mail server is set up"
    if switches.paused(town.system):
        return "when sending goes on"
    rest, now = switches.rest(town.system), town.clock.now()
    return _at(town, rest.until if rest is not None else now)


def _at(town: Town, moment: datetime) -> str:
    return f"at {moment.astimezone(town.zone):%H:%M}" if moment > town.clock.now() else "within a minute"


def findings(town: Town) -> Iterator[tuple[bool, str]]:
    """What is good and what is not, each in a sentence. Connects to the mail server, and sends nothing."""
    counts = outbox.counts(town)
    waiting = sum(counts[status] for status in outbox.OPEN)
    if not town.settings.mail_host:
        good = waiting == 0
        words = "no mail server is set up; messages wait in the outbox, to be printed as letters"
        yield good, f"{words}." if good else f"{words}: {waiting:,} wait. Write the server into [mail]."
    else:
        yield _server(town)
        if trouble := failing(town):
            yield False, trouble
        if not town.settings.public_address:
            yield False, "links in messages need public_address in [server]; without it a code is told instead."
    if reason := switches.paused(town.system):
        yield False, f"{reason} {waiting:,} wait; run townhall messages resume."
    if reason := switches.automatic_held(town.system):
        yield False, f"{reason} {counts['held']:,} wait; run townhall messages resume."
    if counts["dead"]:
        yield False, f"{counts['dead']:,} could not be delivered; see townhall messages list --status dead."


def _server(town: Town) -> tuple[bool, str]:
    server = MailServer(town.settings, town.instance)
    try:
        sender = composing.sender(town)
        server.check()
    except TownhallError as error:
        return False, str(error)
    finally:
        server.close()
    if failing(town):
        return True, f"{town.settings.mail_host} can be reached."
    return True, f"{town.settings.mail_host} takes mail from {sender.addr_spec}."
