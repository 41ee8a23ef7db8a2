"""What residents are told when: the templates of every type by event, and how each reads on a real record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import abort
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.admin import urls
from townhall.admin.staff import StaffView
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.messages import letters
from townhall.messages import outbox
from townhall.messages import placeholders
from townhall.messages import recipients
from townhall.messages import rendering
from townhall.messages import templates
from townhall.messages import visibility
from townhall.messages.placeholders import Facts
from townhall.records.types import Record
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

#: Stands in a preview where the clerk's own words will be.
SAMPLE_WORDS = "(what you write when you move the case)"
#: Stands there for the name of somebody of whom the reader may not know.
SAMPLE_NAME = "(the name of the person who gets it)"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a type: its templates, or where to write one."""

    name: str
    label: str
    templates: list[Record]
    new_url: str


class MessagesView(StaffView):
    """The overview of messages."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Messages", endpoint="admin_messages", url=urls.MESSAGES.rstrip("/"))

    def is_accessible(self) -> bool:
        """Whoever may write to citizens, or look after what is sent."""
        return self.actor.kind == "staff" and (outbox.may_manage(self.actor) or letters.may_send(self.town, self.actor))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Every type with the events at which its citizens may be told something."""
        town, actor = self.town, self.actor
        manages, refusal = outbox.may_manage(actor), templates.refusal(town, actor)
        counts = outbox.counts(town, None if manages else actor)
        types = [(record_type, list(self._events(record_type))) for record_type in (() if refusal else self._types())]
        return self.render(
            "admin/messages.html",
            types=types,
            holes={
                words.id
                for record_type, events in types
                for event in events
                for words in event.templates
                if words["active"] and templates.problems(town, record_type, words.values)
            },
            refusal=refusal,
            category={each.identity: self._category(each) for each, _ in types},
            needing=counts["dead"] + counts["held"],
            waiting=sum(counts[status] for status in outbox.OPEN),
            letters=letters.number(town, actor) if manages else counts["letters"],
            may_print=letters.may_send(town, actor),
        )

    @expose("/preview/<int:id>")
    def preview(self, id: int) -> ResponseReturnValue:
        """A template filled in for a real record: the one with the number that was asked for, or the newest."""
        if refusal := templates.refusal(self.town, self.actor):
            raise Forbidden(refusal)
        template = self.town.records.get(self.actor, templates.TEMPLATE, id)
        record_type = self.town.schemas.get(template["type"])
        if record_type is None or not self.town.records.may(self.actor, "view", record_type.identity):
            abort(404)
        number = request.args.get("number", "").strip()[:80]
        record, problem = self._record(record_type, number)
        facts = self._facts(record) if record is not None else None
        text = rendering.with_link(rendering.body(self.town, template["body"], facts), facts.record) if facts else ""
        return self.render(
            "admin/message_preview.html",
            words=template,
            type=record_type,
            record=record,
            number=number or (record.number if record is not None else ""),
            problem=problem,
            subject=rendering.subject(self.town, template["subject"], facts) if facts else "",
            text=rendering.readable(text),
            holes=templates.problems(self.town, record_type, template.values),
            known=placeholders.known(self.town, record_type),
            back=urls.record_url(templates.TEMPLATE, id),
        )

    def _types(self) -> list[RecordType]:
        may = self.town.records.may
        return [
            each for each in templates.types_with_messages(self.town.schemas) if may(self.actor, "view", each.identity)
        ]

    def _events(self, record_type: RecordType) -> Iterator[Event]:
        where = {"type": record_type.identity}
        found = self.town.records.find(self.actor, templates.TEMPLATE, where, limit=200).records
        may_add = self.town.records.may(self.actor, "create", templates.TEMPLATE)
        for name, label in templates.events(record_type).items():
            new_url = urls.new_url(templates.TEMPLATE, type=record_type.identity, event=name) if may_add else ""
            yield Event(name, label, [each for each in found if each["event"] == name], new_url)

    def _category(self, record_type: RecordType) -> str:
        """The label of the link whose records may have words of their own."""
        workflow = record_type.workflow
        link = (workflow.messages if workflow is not None else "").partition(".")[0]
        return record_type.fields[link].label if link else ""

    def _record(self, record_type: RecordType, number: str) -> tuple[Record | None, str]:
        try:
            if number:
                return self.town.records.by_number(self.actor, record_type.identity, number), ""
        except NotFound as error:
            return None, str(error)
        newest = self.town.records.find(self.actor, record_type.identity, sort="-created", limit=1).records
        return (newest[0], "") if newest else (None, f"There are no {record_type.label_plural.lower()} yet.")

    def _facts(self, record: Record) -> Facts | None:
        reader = citizen(frozenset({(record.identity, record.id)}))
        try:
            seen = self.town.records.get(reader, record.identity, record.id)
        except NotFound:
            return None
        whole = self.town.records.get(system(), record.identity, record.id)
        contact = recipients.contact_of(self.town, whole)
        name = SAMPLE_NAME
        if contact is None or (
            visibility.reads_whose(self.actor, record.type) and visibility.known(self.town, self.actor, [contact])
        ):
            name = recipients.find(self.town, contact, automatic=False).name
        return Facts(seen, name, SAMPLE_WORDS)
