"""The page of a contact: who they are, how to reach them, everything open, and one timeline over everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup

from townhall.access.actors import Actor
from townhall.admin import once
from townhall.admin import refusals
from townhall.admin import talking
from townhall.admin import urls
from townhall.admin.desk import Desk
from townhall.admin.details import TASK
from townhall.admin.details import details
from townhall.admin.details import get_record
from townhall.admin.details import record_row
from townhall.admin.own_requests_page import OwnRequestsPages
from townhall.admin.pages import page
from townhall.admin.record_base import Said
from townhall.admin.record_view import RecordView
from townhall.admin.sheets import Row
from townhall.errors import ValidationFailed
from townhall.extend.values import Flag
from townhall.presentation import escaped
from townhall.records import reading
from townhall.records import standing
from townhall.records.standing import Standing
from townhall.records.types import Record
from townhall_forms.schema import RecordType

#: Facts that have a place of their own on the page.
ELSEWHERE = frozenset(
    {"kind", "given_name", "family_name", "name", "please_note", "phones", "emails", "addresses", "relationships"}
)
MOST_FLAGS = 4
MOST_CASES = 20
#: Where the way stands that a contact prefers, and what one of it is called.
_LEADS_TO = {
    "phone": ("phones", "number"),
    "sms": ("phones", "number"),
    "email": ("emails", "address"),
    "letter": ("addresses", "address"),
}


@dataclass(frozen=True, slots=True)
class Way:
    """A way to reach somebody. One that must not be used says why in its note."""

    icon: str
    text: str | Markup
    note: str = ""
    url: str = ""
    off: bool = False


class ContactView(RecordView, OwnRequestsPages):
    """The pages of contacts."""

    def __init__(self, desk: Desk, record_type: RecordType) -> None:
        super().__init__(desk, record_type)
        self._new_links = lru_cache(maxsize=100)(self._make_new_links)

    @expose("/<int:id>/")
    def details_view(self, id: int) -> ResponseReturnValue:
        """Who, how to reach them, what is open, what happened."""
        record = get_record(self.desk, self.actor, self.type.identity, id)
        return self.onward(record) or self.contact_page(record)

    def own_page(self, record: Record, said: Said | None = None) -> ResponseReturnValue:
        """The same, with why a note was refused, and its words in the quick log."""
        return self.contact_page(record, {"note": said.problem} if said is not None else None)

    def contact_page(self, record: Record, errors: dict[str, str] | None = None) -> ResponseReturnValue:
        """A contact's page, perhaps with what is wrong in the quick log."""
        actor = self.actor
        standings = standing.of(self.town, actor, record.id)
        shown = details(self.desk, actor, record, request.args, filled=True, standings=standings, leave=ELSEWHERE)
        show_closed = request.args.get("cases") == "closed"
        cases, closed = self.cases(standings, show_closed)
        shown["sections"] = [section for section in shown["sections"] if section.name != "relationships"]
        schemas = self.town.schemas
        shown["sheets"] = [
            sheet
            for sheet in shown["sheets"]
            if sheet.rows and not (sheet.identity in schemas and schemas[sheet.identity].is_case)
        ]
        html = self.render(
            "admin/contact.html",
            **shown,
            notes=[*self.flags(record), *shown["flags"]][:MOST_FLAGS],
            ways=self.ways(record),
            subtitle=self.subtitle(record),
            cases=[record_row(self.desk, case, icon=True) for case in cases],
            case_choices=[
                (f"{case.identity}:{case.id}", f"{case.number} {case.title}".strip())
                for case in cases
                if not show_closed
            ],
            closed=closed,
            show_closed=show_closed,
            relations=self.relations(record),
            new_cases=self.new_cases(actor, record) if record.archived is None else "",
            log_ways=self.desk.drawer.draw(
                "admin/log_ways.html", ways=talking.WAYS, chosen=request.form.get("how", "phone") if errors else "phone"
            ),
            log=request.form if errors else {},
            log_errors=errors or {},
            gives_link=self.gives_links(record),
            form_id=once.new_form_id(),
        )
        return html, 422 if errors else 200

    def new_cases(self, actor: Actor, record: Record) -> Markup:
        """Links to open a case of theirs, one for each type."""
        task = urls.record_url(record.identity, record.id, "task")
        query = urls.with_query("", [("contact", record.id)])
        links = (
            f'<a class="btn" href="{f"{form}{query}" if form else task}{rest}' for form, rest in self._new_links(actor)
        )
        return Markup("".join(links))  # noqa: S704  # escaped, or our own

    def _make_new_links(self, actor: Actor) -> tuple[tuple[str, str], ...]:
        """For each type of case that the actor may open its form, none for a task, which has a small one below the
        contact; and what follows the address in its link.
        """
        icon = self.desk.marks.icon
        return tuple(
            (
                "" if type_.identity == TASK else urls.new_url(type_.identity),
                f'">{icon(type_.icon)}{escaped(type_.label)}</a>',
            )
            for type_ in self.desk.creatable_cases(actor)
        )

    # -- what stands at the top -------------------------------------------------------------------------------

    def subtitle(self, record: Record) -> str:
        """The main address and since when they live here."""
        context = self.town.context(self.actor)
        parts = []
        addresses = record.values.get("addresses") or ()
        if addresses:
            best = next((row for row in addresses if row.get("primary")), addresses[0])
            if best.get("address") is not None:
                parts.append(best["address"].one_line(context.country))
        if record.values.get("resident_since"):
            parts.append(f"resident since {record.values['resident_since']}")
        return " · ".join(parts)

    def _none_known(self, record: Record) -> str:
        """That the way which a contact prefers leads nowhere yet, as far as the reader may know."""
        rows, words = _LEADS_TO.get(str(record.values["preferred_channel"]), ("", ""))
        seen = rows in record.values and rows not in record.masked | record.hidden
        return f", but no {words} is known" if seen and not record.values[rows] else ""

    def flags(self, record: Record) -> list[Flag]:
        """What to know before picking up the phone."""
        value = record.values.get
        made = []
        if value("deceased"):
            made.append(Flag("Has died", tone="bad"))
        if value("do_not_contact"):
            why = value("do_not_contact_note")
            made.append(Flag(f"Do not contact: {why}" if why else "Do not contact", tone="bad"))
        if value("please_note"):
            made.append(Flag(str(value("please_note")), tone="bad"))
        if value("preferred_channel"):
            way = self._value_words(record, "preferred_channel").lower()
            made.append(Flag(f"Prefers {way}{self._none_known(record)}"))
        if value("language") and value("language") != self.town.settings.language.partition("-")[0]:
            more = ", needs an interpreter" if value("interpreter") else ""
            made.append(Flag(f"Speaks {self._value_words(record, 'language')}{more}"))
        for row in value("relationships") or ():
            if row.get("may_speak"):
                made.append(Flag(f"{row.get('role') or 'Somebody'} may speak for them"))
                break
        return made

    def _value_words(self, record: Record, name: str) -> str:
        field = record.type.fields[name]
        return field.display(record.values[name], self.town.context(self.actor))

    def ways(self, record: Record) -> list[Way]:
        """How to reach them, the best first."""
        context = self.town.context(self.actor)
        columns = {name: record.type.fields[name].row_fields for name in ("phones", "emails", "addresses")}

        def words(rows: str, row: Any, name: str) -> str:
            field = columns[rows].get(name)
            value = row.get(name)
            return field.display(value, context) if field is not None and value is not None else ""

        blocked = bool(record.values.get("do_not_contact"))
        made = []
        for row in _best_first(record.values.get("phones")):
            note = ", ".join(part for part in (words("phones", row, "label"), row.get("note") or "") if part)
            number = words("phones", row, "number")
            off = blocked or row.get("label") == "fax"
            made.append(Way("phone-off" if off else "phone", number, note, "" if off else f"tel:{row['number']}", off))
        for row in _best_first(record.values.get("emails")):
            bounced = row.get("bounced")
            confirmed = row.get("confirmed")
            day = self.desk.presenter.day
            state = f"came back {day(bounced)}" if bounced else f"confirmed {day(confirmed)}" if confirmed else ""
            note = ", ".join(part for part in (words("emails", row, "label"), state, row.get("note") or "") if part)
            off = blocked or bool(bounced)
            made.append(Way("mail", _breakable(row["address"]), note, "" if off else f"mailto:{row['address']}", off))
        for row in _best_first(record.values.get("addresses")):
            note = ", ".join(part for part in (words("addresses", row, "label"), row.get("note") or "") if part)
            made.append(Way("letter", row["address"].one_line(context.country), note or "Letters", "", blocked))
        return made

    def relations(self, record: Record) -> list[Row]:
        """People and organisations that belong to them."""
        made = []
        for row in record.values.get("relationships") or ():
            id = row.get("contact")
            title = record.titles.get(("core.contact", id), "") if id is not None else ""
            if title:
                more = ", may speak for them" if row.get("may_speak") else ""
                meta = f"{row.get('role') or ''}{more}"
                note = f" · {row['note']}" if row.get("note") else ""
                made.append(Row(title, urls.record_url("core.contact", id), f"{meta}{note}", "users"))
        return made

    def cases(self, standings: Sequence[Standing], show_closed: bool) -> tuple[list[Record], int]:
        """Their cases over all types that are open, the most pressing first, or closed; and how many are the others."""
        wanted: dict[str, list[int]] = {}
        others = 0
        for each in standings:
            workflow = self.town.schemas[each.identity].workflow
            if workflow is None:
                continue
            if (each.state in workflow.open_states) is show_closed:
                others += 1
            else:
                wanted.setdefault(each.identity, []).append(each.id)
        found: list[Record] = []
        for identity, ids in wanted.items():
            found += reading.many(self.town, self.actor, identity, ids[:MOST_CASES], fields=())
        if show_closed:
            found.sort(key=lambda case: case.closed or case.created, reverse=True)
        else:
            found.sort(key=lambda case: (case.due is None, case.due or case.created))
        return found[:MOST_CASES], others

    # -- the quick log ----------------------------------------------------------------------------------------

    @page("record", "log", methods=("POST",))
    def log(self, id: int) -> ResponseReturnValue:
        """Keep a call, a visit, a letter."""
        record = get_record(self.desk, self.actor, self.type.identity, id)
        if not self.town.records.may(self.actor, "create", "core.interaction"):
            abort(403)
        form_id = request.form.get("form_id", "")
        if not once.first_time(self.town, form_id):
            return redirect(self._url(record))
        try:
            talking.log_contact(self.town, self.actor, record.id, request.form)
        except ValidationFailed as failed:
            return self.contact_page(record, failed.errors)
        except refusals.REFUSED as refused:
            return self.contact_page(record, {"note": refusals.sentence(refused)})
        once.saved()
        flash(f"Saved: contact with {record.title}.", "ok")
        return redirect(self._url(record))


def _breakable(address: str) -> Markup:
    """An e-mail address that may be broken before its @."""
    name, at, host = address.partition("@")
    return Markup(f"{escaped(name)}<wbr>{at}{escaped(host)}")  # noqa: S704  # escaped, or our own


def _best_first(rows: Any) -> list[Any]:
    return sorted(rows or (), key=lambda row: not row.get("primary"))
