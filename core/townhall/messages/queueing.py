"""What happens to a case becomes a message: into the outbox and onto the timeline, in the transaction of the write.

When a case comes in or moves, its event's words are looked for; what a colleague wrote with the move goes out in them,
or alone if the town says nothing then. Nothing is sent here: that is done from the outbox (:mod:`townhall.mail`).
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.extend.values import Change
from townhall.messages import limits
from townhall.messages import outbox
from townhall.messages import recipients
from townhall.messages import rendering
from townhall.messages import templates
from townhall.messages.placeholders import Facts
from townhall.messages.recipients import Recipient
from townhall.messages.templates import Words
from townhall.records import messages
from townhall.records import reading
from townhall.records.domains import ACKNOWLEDGEMENT
from townhall.records.domains import Domain
from townhall.records.domains import Outgoing
from townhall.records.types import Record
from townhall_forms.schema import RECEIVED
from townhall_forms.schema import RecordType
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town

#: Doors through which records come that concern nobody just now: no message is sent for them.
SILENT = frozenset({"import", "demo"})
#: A case is acknowledged when a person made it.
_PEOPLE = frozenset({"staff", "citizen", "anonymous"})
#: The event of a message that a colleague wrote by hand.
BY_HAND = "message"


def written(town: Town, changes: Sequence[Change]) -> None:
    """Queue what citizens are told about these changes."""
    for change in changes:
        if change.actor.door in SILENT:
            if change.message:
                _only_written(town, change)
            continue
        announce(town, change)


def announce(town: Town, change: Change) -> None:
    """Queue what the citizen is told about one change, through whichever door it came."""
    event = _event(town, change)
    if event or change.message:
        _tell(town, change, event)


def deliver(town: Town, actor: Actor, about: Record, outgoing: Outgoing) -> Record:
    """Write what a colleague says to the citizen of a case onto the timeline, and send it."""
    automatic, chosen = actor.kind != "staff", outgoing.way
    contact = recipients.contact_of(town, about)
    recipient = recipients.find(town, contact, automatic=automatic, channel=recipients.channel_of(chosen))
    text = rendering.clean(outgoing.body)
    facts = None
    if actor.door not in SILENT and recipient.channel and outgoing.channel == "web" and chosen != "web":
        facts = _facts(town, about.identity, about.id, recipient, text)
        if facts is None and chosen:
            raise Rejected(recipients.KEPT_IN)
    if chosen not in ("", "web") and not recipient.channel:
        raise Rejected(f"{recipient.reason} Nothing was sent.")
    channel = outgoing.channel if facts is None else recipient.channel
    said = Outgoing(text, outgoing.subject, outgoing.files, channel)
    interaction = messages.write(town, actor, about, said)
    if facts is not None:
        subject = outgoing.subject or _plain_subject(facts)
        key = outbox.key_of(about.identity, about.id, BY_HAND, interaction.id, recipient.address)
        told = f"{text}\n\n{_files(len(outgoing.files))}" if outgoing.files else text
        _queue(town, key, facts, recipient, BY_HAND, subject, told, interaction.id, automatic=automatic)
    return interaction


def _files(count: int) -> str:
    """What a message says of files that belong to it: they don't travel along, where anybody on the way reads them."""
    if count == 1:
        return "A file belongs to this message. To keep it private we don't send it along: ask us for it."
    return f"{count} files belong to this message. To keep them private we don't send them along: ask us for them."


# -- what is told -----------------------------------------------------------------------------------------------------


def _event(town: Town, change: Change) -> str:
    """The event of a change; empty if nobody is told of it."""
    workflow = town.schemas[change.identity].workflow
    if workflow is None:
        return ""
    if change.action == "create":
        state = workflow.states.get(change.state)
        came_in = change.actor.kind in _PEOPLE and state is not None and not state.incomplete
        return RECEIVED if came_in else ""
    move = workflow.transition(change.transition) if change.transition else None
    if move is None:
        return ""
    return change.state if move.message is None else move.message


def _tell(town: Town, change: Change, event: str) -> None:
    """Queue the message of one change, put its words on the timeline, or note why nobody gets it."""
    id = change.id or 0
    record_type = town.schemas[change.identity]
    written_by_hand = rendering.clean(change.message)
    automatic = not (written_by_hand and change.actor.kind == "staff")
    addressed = cache(lambda: recipients.find(town, change.contact_id, automatic=automatic))
    values = change.values
    routed = change.memo.get(ACKNOWLEDGEMENT, "") if event == RECEIVED else ""
    words = templates.find(town, record_type, event, values, lambda: addressed().language, routed) if event else None
    if words is not None and _had_it(town, change, event, words):
        words = None
    if words is None and not written_by_hand:
        return
    recipient = addressed()
    facts = _facts(town, change.identity, id, recipient, written_by_hand)
    if facts is None:
        if written_by_hand:
            _only_written(town, change)
        return
    subject, text = _words(town, facts, words)
    named = event if words is not None else BY_HAND
    key = outbox.key_of(change.identity, id, named, change.version, recipient.address)
    if outbox.is_there(town, key):
        return
    reason = recipient.reason or (
        "" if written_by_hand else limits.refusal(town, recipient, event, _topic(town, facts))
    )
    if reason and not written_by_hand:
        if change.contact_id is not None:
            _queue(town, key, facts, recipient, named, subject, text, None, refused=reason)
        return
    channel = recipient.channel or "web"
    author = change.actor if written_by_hand else system(change.actor.door)
    shown = rendering.readable(text)
    about = reading.get(town, system(), change.identity, id)
    headed = subject if words is not None else ""
    interaction = messages.write(town, author, about, Outgoing(shown, headed, channel=channel))
    if recipient.channel:
        _queue(town, key, facts, recipient, named, subject, text, interaction.id, automatic=automatic)


def _had_it(town: Town, change: Change, event: str, words: Words) -> bool:
    """Whether a case gets this message once only and had it already: an acknowledgement, or what says so itself.

    Of several messages about coming into one state, such as a rejection early and late, a case gets one.
    """
    if event != RECEIVED and not words.once:
        return False
    workflow = town.schemas[change.identity].workflow
    moves = workflow.transitions if workflow is not None and event != RECEIVED else ()
    alike = {move.target if move.message is None else move.message for move in moves if move.target == change.state}
    return limits.was_told(town, change.identity, change.id or 0, alike | {event})


def _words(town: Town, facts: Facts, words: Words | None) -> tuple[str, str]:
    """Subject and text of a message: the template's words around what a colleague wrote, or that alone."""
    if words is None:
        return _plain_subject(facts), facts.message
    subject = rendering.subject(town, words.subject, facts) or _plain_subject(facts)
    text = rendering.body(town, words.body, facts)
    if facts.message and "{message}" not in words.body:
        text = f"{facts.message}\n\n{text}"
    return subject, text


def _plain_subject(facts: Facts) -> str:
    record = facts.record
    return f"Your {record.type.label[:1].lower()}{record.type.label[1:]}"


def _topic(town: Town, facts: Facts) -> str:
    """What a case is about, to tell whether the same comes in again and again."""
    whole = reading.get(town, system(), facts.record.identity, facts.record.id, fields=())
    return normalise(whole.title)[:200]


def _facts(town: Town, identity: str, id: int, recipient: Recipient, by_hand: str) -> Facts | None:
    """What a message is made of; ``None`` for a record that no citizen may see at the moment, link or not."""
    try:
        record = reading.get(town, citizen(frozenset({(identity, id)})), identity, id)
    except NotFound:
        return None
    return Facts(record, recipient.name, by_hand)


def _only_written(town: Town, change: Change) -> None:
    """What was written with a move that nobody is told of stands on the timeline alone."""
    about = reading.get(town, system(), change.identity, change.id or 0)
    messages.write(town, change.actor, about, Outgoing(change.message))


def _queue(
    town: Town,
    key: str,
    facts: Facts,
    recipient: Recipient,
    event: str,
    subject: str,
    text: str,
    interaction_id: int | None,
    *,
    automatic: bool = True,
    refused: str = "",
) -> None:
    """Put one message into the outbox; ``refused`` says why it goes to nobody."""
    record = facts.record
    held = limits.breaker(town) if automatic and recipient.channel == "email" and not refused else ""
    values: Mapping[str, Any] = {
        "identity": record.identity,
        "record_id": record.id,
        "number": record.number,
        "event": event,
        "topic": _topic(town, facts) if event == RECEIVED else "",
        "automatic": automatic,
        "channel": recipient.channel or "email",
        "contact_id": recipient.contact_id,
        "interaction_id": interaction_id,
        "recipient": recipient.address,
        "name": recipient.name,
        "subject": subject,
        "body": rendering.with_link(text, record),
        "status": "dropped" if refused else "held" if held else "queued",
        "error": refused or held,
    }
    outbox.add(town, key, values)


def _before_template(town: Town, change: Change) -> None:
    templates.check(town, change)


def _before_route(town: Town, change: Change) -> None:
    templates.check_route(town, change)


def _has_words(record_type: RecordType) -> bool:
    """Whether records of the type may hold words for cases: rows with an event and a text."""
    return any({"event", "text"} <= field.row_fields.keys() for field in record_type.fields.values())


def _before_category(town: Town, change: Change) -> None:
    templates.check_category(town, change)


#: Cases, whose citizens are told; templates; and records of which cases take their words.
DOMAINS = (
    Domain("messages", lambda record_type: record_type.is_case, written=written, deliver=deliver),
    Domain("message_templates", lambda each: each.identity == templates.TEMPLATE, before_save=_before_template),
    Domain("route_messages", lambda each: each.identity == "core.route", before_save=_before_route),
    Domain("category_messages", _has_words, before_save=_before_category),
)
