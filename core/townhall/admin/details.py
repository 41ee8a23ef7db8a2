"""A record's page: its docket with the moves that may be made, its facts, files and neighbours, and what happened."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from markupsafe import Markup
from markupsafe import escape

from townhall.access.actors import Actor
from townhall.admin import clock_lines
from townhall.admin import urls
from townhall.admin.desk import Desk
from townhall.admin.facts import FILES
from townhall.admin.facts import FactWriter
from townhall.admin.facts import out_of_sight
from townhall.admin.happenings import story
from townhall.admin.reaching import has_status_page
from townhall.admin.sheets import Row
from townhall.admin.sheets import Sheet
from townhall.admin.sheets import says_something
from townhall.cases import calendars
from townhall.cases import recomputing
from townhall.cases import targets
from townhall.cases.rulebook import queue_name
from townhall.errors import NotFound
from townhall.messages import templates
from townhall.messages.outbox import may_manage
from townhall.records import explaining
from townhall.records import sharing
from townhall.records.panels import pointer
from townhall.records.standing import Standing
from townhall.records.types import Record
from townhall_forms.context import StoredFile
from townhall_forms.schema import Transition

if TYPE_CHECKING:
    from townhall.town import Town

CONTACT = "core.contact"
INTERACTION = "core.interaction"
TASK = "core.task"
#: Types whose records say how clocks are counted.
COUNTED_BY = frozenset({calendars.IDENTITY, targets.IDENTITY})
#: How many moves are buttons; the others are behind “More”.
MOVES_IN_SIGHT = 3


@dataclass(frozen=True, slots=True)
class Move:
    """A move that may be made now. ``asks`` says that one more question follows."""

    name: str
    label: str
    url: str
    icon: str
    css: str
    asks: bool


@dataclass(frozen=True, slots=True)
class Clock:
    """A line of the docket: when, with whom, from whom."""

    label: str
    html: Markup
    note: str = ""
    change_url: str = ""


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file of the record."""

    file: StoredFile
    url: str
    label: str
    is_image: bool


def details(
    desk: Desk,
    actor: Actor,
    record: Record,
    arguments: Mapping[str, str],
    *,
    filled: bool = False,
    standings: Sequence[Standing] | None = None,
    leave: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Everything that ``admin/details.html`` shows; with ``filled``, of its lists only those with something in them.

    ``standings`` are what a contact stands on, for the timeline; ``leave`` names fields that stand elsewhere.
    """
    town, records = desk.town, desk.town.records
    identity = record.identity
    base = urls.record_url(identity, record.id)
    frozen = record.archived is not None or bool(record.type.frozen)
    may_edit = not frozen and not record.type.append_only and records.reaches(actor, "edit", record)
    may_give = may_edit and records.may_give(actor, record)
    offered = [] if frozen else desk.town.records.offered(actor, record)
    moves = moves_of([move for move, refusal in offered if not refusal], record)
    writer = FactWriter(town.context(actor), desk.presenter)
    contact = contact_of(desk, actor, record)
    beside, panels = neighbours(desk, actor, record, filled=filled), town.plugins.record_panels(actor, record)
    merged = explaining.is_merged(town, record)
    return {
        "record": record,
        "type": record.type,
        "base": base,
        "list_url": urls.list_url(identity),
        "moves": moves[:MOVES_IN_SIGHT],
        "more_moves": moves[MOVES_IN_SIGHT:],
        "refused": [(move.label, refusal) for move, refusal in offered if refusal],
        "clocks": clocks(desk, actor, record, contact, may_give),
        "sections": writer.sections(record, leave=leave),
        "files": files_of(record),
        "kept": bool(out_of_sight(record)),
        "file_fields": any(
            field.type_name in FILES and name not in record.hidden for name, field in record.type.fields.items()
        ),
        "flags": town.plugins.record_flags(actor, record),
        "sheets": [sheet for sheet in beside if says_something(sheet)],
        "panels": [panel for panel in panels if says_something(panel)],
        "additions": [sheet for sheet in beside if sheet.new_url and not sheet.rows],
        "story": story(town, actor, record, arguments, base, standings),
        "contact": contact,
        "working_out": recomputing.left(town) if identity in COUNTED_BY else 0,
        "links": more_links(town, actor, record),
        "why_not": "" if may_edit else explaining.first_obstacle(town, actor, record),
        "shares": sharing.of(town, actor, record),
        "merged": merged,
        "merged_here": records.came_from(actor, record),
        "may": {
            "take": may_give and record.assignee is None and record.closed is None,
            "release": may_give and record.assignee is not None and record.closed is None,
            "edit": may_edit,
            "link": may_edit and has_status_page(record),
            "say": not frozen and may_say(desk, actor, record),
            "archive": records.reaches(actor, "archive", record) and not record.type.append_only and not merged,
            "merge": may_edit and record.type.merge is not None and records.reaches(actor, "merge", record),
            "share": records.may_share(actor, record),
            "message": record.type.is_case and not frozen,
        },
    }


def more_links(town: Town, actor: Actor, record: Record) -> list[Row]:
    """Pages about the record that belong to no list."""
    if record.identity == templates.TEMPLATE and not templates.refusal(town, actor):
        return [Row("Preview…", f"{urls.MESSAGES}preview/{record.id}", "How it reads on a real record", "eye")]
    if record.type.is_case and may_manage(actor):
        url = urls.with_query(urls.OUTBOX, [("about", f"{record.identity}:{record.id}")])
        return [Row("Messages sent", url, "What went out about it, and what did not", "mail")]
    return []


# -- moves ------------------------------------------------------------------------------------------------------


def moves_of(transitions: Sequence[Transition], record: Record) -> list[Move]:
    """The moves that may be made now, in the order that the type declares them."""
    made: list[Move] = []
    for move in transitions:
        workflow = record.type.workflow
        state = workflow.states.get(move.target) if workflow is not None else None
        tone = state.tone if state is not None else "live"
        css = "btn-bad" if tone == "bad" else ("" if made else "btn-go")
        icon = {"bad": "closed", "wait": "pause", "ok": "check", "new": "new"}.get(tone, "next")
        asks = asks_something(move, record)
        url = urls.record_url(record.identity, record.id, f"move/{move.name}")
        made.append(Move(move.name, move.label, url, icon, css, asks))
    return made


def asks_something(move: Transition, record: Record) -> bool:
    """Whether a move has a page of its own: it needs fields, it ends the case and the citizen may be told why, or there
    is something to read before, like “Ask your question in the message”.
    """
    workflow = record.type.workflow
    final = workflow is not None and move.target in workflow.states and workflow.states[move.target].final
    return bool(move.require or move.asks or move.help or final)


# -- the docket -------------------------------------------------------------------------------------------------


def contact_of(desk: Desk, actor: Actor, record: Record) -> tuple[int, str, str] | None:
    """Id and title of the contact that the record is from, and the label of that field."""
    for name in record.type.contacts:
        field = record.type.fields.get(name)
        value = record.values.get(name) if field is not None else None
        if isinstance(value, tuple):
            value = value[0] if value else None
        if field is None or not isinstance(value, int):
            continue
        title = record.titles.get((CONTACT, value)) or desk.town.context(actor).titles(CONTACT, [value]).get(value)
        if title is not None:
            return value, title, field.label
    return None


def clocks(
    desk: Desk, actor: Actor, record: Record, contact: tuple[int, str, str] | None, may_give: bool
) -> list[Clock]:
    """When a case is due, who has it, who sent it and when."""
    made: list[Clock] = []
    base = urls.record_url(record.identity, record.id)
    presenter = desk.presenter
    if record.type.is_case:
        made += _due(desk, record, f"{base}give" if may_give else "")
        name = staff_name(desk, actor, record.assignee)
        if record.assignee is None and record.closed is not None:
            name = "Nobody"
        where = queue_name(desk.town, actor, record.queue)
        note = f"Queue: {where}" if where else ""
        made.append(Clock("With", Markup("<b>{}</b>").format(name), note, f"{base}give" if may_give else ""))
    if contact is not None:
        id, title, label = contact
        link = Markup('<a href="{}">{}</a>').format(urls.record_url(CONTACT, id), title)
        made.append(Clock(label, link))
    channel = channel_label(record)
    opened = escape(presenter.moment(record.created))
    made.append(Clock("Opened" if record.type.is_case else "Added", opened, channel or record.created_by))
    if record.closed is not None:
        made.append(Clock("Closed", escape(presenter.moment(record.closed))))
    elif record.updated != record.created:
        made.append(Clock("Last change", escape(presenter.moment(record.updated))))
    return made


def _due(desk: Desk, record: Record, change_url: str) -> list[Clock]:
    """Each of a case's clocks with what it goes by; a case without any says when it is due, if it is."""
    found = clock_lines.lines(desk, record)
    if found:
        first = next((label for label, _, _, runs in found if runs), found[0][0]) if record.closed is None else ""
        return [Clock(label, html, note, change_url if label == first else "") for label, html, note, _ in found]
    presenter = desk.presenter
    note = f"{presenter.long_day(record.due)}, {presenter.clock(record.due)}" if record.due is not None else ""
    return [Clock("Due", desk.marks.due(record) or Markup("No date"), note)]


def channel_label(record: Record) -> str:
    """How the record came in, in words."""
    field = record.type.field("channel")
    value = record.get("channel") or record.channel
    if field is None or not value or field.name in record.hidden:
        return ""
    return next((choice.label for choice in field.choices if choice.value == value), "")


def staff_name(desk: Desk, actor: Actor, id: int | None) -> str:
    """Name of a colleague."""
    if id is None:
        return "Nobody yet"
    people = desk.town.context(actor).staff()
    return next((person.title for person in people if person.id == id), "Somebody who left")


def may_say(desk: Desk, actor: Actor, record: Record) -> bool:
    """Whether the actor may write a note or a message here."""
    if record.type.frozen:
        return False
    return record.identity != INTERACTION and desk.town.records.may(actor, "create", INTERACTION)


# -- files and places -------------------------------------------------------------------------------------------


def files_of(record: Record) -> list[FileLine]:
    """All files of the record."""
    made = []
    for field in record.type.fields.values():
        if field.type_name not in FILES:
            continue
        value = record.values.get(field.name) or ()
        for stored in value if isinstance(value, tuple) else (value,):
            image = stored.media_type in ("image/png", "image/jpeg", "image/gif", "image/webp")
            made.append(FileLine(stored, f"{urls.FILES}{stored.id}", field.label, image))
    return made


# -- panels -----------------------------------------------------------------------------------------------------


def neighbours(desk: Desk, actor: Actor, record: Record, *, filled: bool = False) -> list[Sheet]:
    """Lists of related records."""
    return [related(desk, actor, record, panel) for panel in desk.town.records.panels(actor, record, filled=filled)]


def related(desk: Desk, actor: Actor, record: Record, panel: Any) -> Sheet:
    """A list of the records of one type that point here."""
    type_ = panel.type
    rows = [record_row(desk, found) for found in panel.records]
    new = ""
    if desk.town.records.may(actor, "create", type_.identity):
        new = urls.new_url(type_.identity, **{"from": f"{record.identity}:{record.id}"})
        if type_.identity == TASK:  # who does it and until when are asked at once
            new = urls.record_url(record.identity, record.id, "task")
    pointing = pointer(panel.field, record)
    all_url = urls.with_query(urls.list_url(type_.identity), [("view", "all"), (panel.field.name, pointing)])
    return Sheet(
        panel.label,
        rows,
        type_.identity,
        str(panel.count),
        all_url,
        new,
        f"New {type_.label.lower()}",
        type_label=type_.label_plural,
    )


def record_row(desk: Desk, record: Record, *, icon: bool = False) -> Row:
    """A record as a line of a list."""
    workflow = record.type.workflow
    state = workflow.states.get(record.state) if workflow is not None else None
    end = Markup("")
    if state is not None:
        overdue = not state.final and record.due is not None
        end = desk.marks.due(record) if overdue else desk.marks.pill(state)
    words = [record.number] if record.number else [desk.presenter.seen(record.created)]
    starts = record.get(record.type.event.starts) if record.type.event is not None else None
    if isinstance(starts, datetime):
        words.insert(0, desk.presenter.moment(starts))
    if state is not None and record.due is not None and not state.final:
        words.append(state.label)
    return Row(
        record.title or record.type.label,
        urls.record_url(record.identity, record.id),
        " · ".join(words),
        record.type.icon if icon else "",
        end,
    )


def get_record(desk: Desk, actor: Actor, identity: str, id: int, **options: Any) -> Record:
    """A record for its page. Raises :class:`~townhall.errors.NotFound`."""
    if id >= 2**63:
        raise NotFound("There is no such record.")
    return desk.town.records.get(actor, identity, id, **options)
