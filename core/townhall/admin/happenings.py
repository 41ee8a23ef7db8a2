"""The timeline of a page: everything that happened, newest first, with chips to see only some of it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import date
from datetime import datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from townhall.access.actors import Actor
from townhall.admin import urls
from townhall.admin.mail_words import delivery
from townhall.messages import outbox
from townhall.messages import visibility
from townhall.messages.outbox import Message
from townhall.presentation import escaped
from townhall.records.standing import Standing
from townhall.records.types import Record
from townhall.records.types import TimelineEntry

if TYPE_CHECKING:
    from townhall.presentation import Marks
    from townhall.town import Town

#: Icons of the channels of an interaction.
CHANNEL_ICONS: Mapping[str, str] = {
    "phone": "phone",
    "email": "mail",
    "letter": "letter",
    "fax": "letter",
    "visit": "visit",
    "web": "globe",
    "open311": "globe",
    "sms": "message",
    "chat": "message",
    "social": "speech",
    "other": "speech",
}
KIND_ICONS: Mapping[str, str] = {"talk": "message", "note": "note", "change": "change", "event": "calendar"}
KIND_LABELS: Mapping[str, str] = {"talk": "Talk", "note": "Notes", "change": "Changes", "event": "Events"}
SHOWN = 15


@dataclass(frozen=True, slots=True)
class Story:
    """A stretch of the timeline of the record ``page``, with the chips above it and the way on."""

    page: tuple[str, int]
    entries: Sequence[TimelineEntry]
    chips: Sequence[tuple[str, str, str, bool]]
    total: int
    older_url: str
    newest_url: str
    #: What became of messages to citizens, by their interaction.
    sent: Mapping[int, Message] = field(default_factory=dict)
    #: Ids of those messages of which the reader may know to whom they went.
    known: frozenset[int] = frozenset()


def story(
    town: Town,
    actor: Actor,
    record: Record,
    arguments: Mapping[str, str],
    base: str,
    standings: Sequence[Standing] | None = None,
) -> Story:
    """The timeline of a record, as its page's address asks for it."""
    show, after = arguments.get("show", ""), arguments.get("after", "")
    entries, following, counts = town.records.timeline_of(
        actor, record, kinds=[show] if show else None, limit=SHOWN, after=after, standings=standings
    )
    outgoing = [entry.id for entry in entries if entry.kind == "talk" and entry.direction == "out" and entry.public]
    sent = outbox.of_interactions(town, outgoing)
    return Story(
        sent=sent,
        known=frozenset(each.id for each in visibility.visible(town, actor, [*sent.values()])),
        page=(record.identity, record.id),
        entries=entries,
        chips=chips(counts, show, base),
        total=counts.get(show, 0) if show else sum(counts.get(kind, 0) for kind in KIND_LABELS),
        older_url=f"{urls.with_query(base, [('show', show), ('after', following)])}#happened" if following else "",
        newest_url=f"{urls.with_query(base, [('show', show)])}#happened" if after else "",
    )


def chips(counts: Mapping[str, int], show: str, base: str) -> list[tuple[str, str, str, bool]]:
    """Chips to show only one kind, for kinds that there are."""
    made = [("All", f"{base}#happened", "check", not show)]
    for kind, label in KIND_LABELS.items():
        if counts.get(kind) or kind == show:
            url = f"{urls.with_query(base, [('show', kind)])}#happened"
            made.append((f"{label} {counts.get(kind, 0)}", url, KIND_ICONS[kind], kind == show))
    return made if len(made) > 2 or show else []


class TimelineWriter:
    """Writes the lines of a timeline. Pages show many of them, so they are strings and no template."""

    def __init__(self, marks: Marks, town: Town) -> None:
        self._marks = marks
        self._town = town
        self._presenter = marks.presenter

    def write(self, story: Story, days: bool = False) -> Markup:
        """The list of its lines, newest first; with ``days`` under a heading for each day."""
        made: list[str] = ['<ol class="timeline">\n']
        last: date | None = None
        for entry in story.entries:
            local = self._presenter.local(entry.at)
            if days and local.date() != last:
                last = local.date()
                made.append(f'<li class="event-day"><span>{self._presenter.long_day(last)}</span></li>\n')
            words = self._presenter.clock(local) if days else self._presenter.moment(local)
            made.append(self._line(entry, local, words, self._foot(entry, story)))
        made.append("</ol>\n")
        return Markup("".join(made))  # noqa: S704  # every part below is escaped or our own

    def _line(self, entry: TimelineEntry, local: datetime, words: str, foot: str) -> str:
        talk = entry.kind == "talk"
        icon = CHANNEL_ICONS.get(entry.channel, "message") if talk else KIND_ICONS.get(entry.kind, "note")
        head = escaped(f"{entry.headline}, {entry.actor}" if entry.actor else entry.headline)
        body = "<br>".join(escaped(entry.body).splitlines())
        return (
            f'<li class="event{" event-talk" if talk else ""}"><span class="event-icon">{self._marks.icon(icon)}</span>'
            f'<div><p class="event-head"><b>{head}</b>'
            f'<time datetime="{local.isoformat(timespec="minutes")}">{words}</time></p>'
            f"{_part('body', body)}{_part('foot', foot)}</div></li>\n"
        )

    def _foot(self, entry: TimelineEntry, story: Story) -> str:
        """What it was about and what came of it; of other talk, who may read it."""
        parts = [escaped(detail) for detail in entry.details]
        message = story.sent.get(entry.id) if entry.kind == "talk" else None
        if message is not None:
            known = message.id in story.known
            parts.append(escaped(delivery(self._presenter, self._town, message, known=known)))
        if entry.about is not None and entry.about[:2] != story.page:
            identity, id, number, title = entry.about
            about = escaped(f"{number} {title}".strip())
            if about:
                parts.insert(0, f'<a href="{urls.record_url(identity, id)}">{about}</a>')
        if parts or entry.kind not in ("talk", "note"):
            return " · ".join(parts)
        return self._marks.privacy("public" if entry.public else "internal")


def _part(name: str, html: str) -> str:
    return f'<p class="event-{name}">{html}</p>' if html else ""
