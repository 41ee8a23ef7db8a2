"""My work: what is overdue, due today or later, free to take and waiting; who called; what comes up; and a call box."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import AdminIndexView
from flask_admin import expose
from markupsafe import Markup

from townhall.accounts import current_actor
from townhall.admin import once
from townhall.admin import refusals
from townhall.admin import talking
from townhall.admin import urls
from townhall.admin.happenings import CHANNEL_ICONS
from townhall.admin.places import CORE
from townhall.admin.sheets import Row
from townhall.admin.sheets import says_something
from townhall.admin.staff import StaffView
from townhall.cases import notices
from townhall.cases import queries
from townhall.cases.rulebook import known_queues
from townhall.db.transactions import immediate
from townhall.errors import ValidationFailed
from townhall.events import calendar
from townhall.records.types import Record
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

SHOWN = 6
ALL_SHOWN = 200
COMING_DAYS = 14
COMING_SHOWN = 4
RECENT_SHOWN = 5
MATCHES = 8
CONTACT = "core.contact"
INTERACTION = "core.interaction"
#: What the log box sends for a caller who is to become a contact.
NEW = "new"


class HomeView(StaffView, AdminIndexView):
    """The first page after signing in."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.town = desk.town
        AdminIndexView.__init__(self, name="My work", endpoint="admin", url="/admin", template="admin/home.html")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The desk in the morning."""
        return self._page()

    @expose("/seen", methods=("POST",))
    def seen(self) -> ResponseReturnValue:
        """Take notices away that the person has seen: one of them, or all that were shown."""
        ids = [id for sent in request.form.getlist("notice") if (id := urls.number(sent)) is not None]
        notices.seen(self.town, self.actor, ids)
        return redirect(urls.ADMIN)

    @expose("/followed-up", methods=("POST",))
    def followed_up(self) -> ResponseReturnValue:
        """Say that a talk was followed up, so that nobody is reminded of it any more."""
        id, version = urls.number(request.form.get("id")), urls.number(request.form.get("version"))
        try:
            self.town.records.update(self.actor, INTERACTION, id, {"followed_up": True}, version=version)
        except refusals.REFUSED as refused:
            flash(refusals.sentence(refused), "bad")
        else:
            flash("Followed up. It stays in the timeline.", "ok")
        return redirect(urls.ADMIN)

    def _page(self, errors: dict[str, str] | None = None, matches: list[Any] | None = None) -> ResponseReturnValue:
        actor = self.actor
        only = request.args.get("show", "")
        work = queries.my_work(self.town, actor, limit=ALL_SHOWN if only in queries.NAMES else SHOWN)
        queues = {queue.id: queue.name for queue in known_queues(self.town, actor).values()}
        told = notices.unseen(self.town, actor, SHOWN + 1)
        cases = self.desk.viewable(actor, _can_be_open)
        follow_up, more_to_follow_up = self._to_follow_up()
        html = self.render(
            "admin/home.html",
            follow_up=follow_up,
            more_to_follow_up=more_to_follow_up,
            may_follow_up=self.town.records.may(actor, "edit", INTERACTION),
            greeting=self._greeting(),
            only=only if only in queries.NAMES else "",
            work=work,
            overdue=self._rows(work.overdue),
            due_today=self._rows(work.due_today),
            team=list(zip(self._rows(work.team, queues), work.team.records, strict=True)),
            free=list(zip(self._rows(work.unassigned, queues), work.unassigned.records, strict=True)),
            waiting=self._rows(work.waiting),
            notices=told[:SHOWN],
            more_notices=len(told) > SHOWN,
            later=self._rows(work.later),
            mine=self._rows(work.mine) if only == "mine" else [],
            may_take={
                type_.identity
                for type_ in cases
                if self.town.records.may(actor, "edit", type_.identity) and not type_.append_only
            },
            only_shared=self.town.records.only_shared(actor, work.unassigned.records),
            recent=self._recent(),
            coming=self._coming(),
            cards=[card for card in self.town.plugins.home_cards(actor) if says_something(card)],
            new_cases=self.desk.creatable_cases(actor),
            sees_cases=bool(cases),
            cases_are_on=any(type_.plugin != CORE and _can_be_open(type_) for type_ in self.town.schemas.values()),
            may_log=self.town.records.may(actor, "create", INTERACTION),
            may_add=self._may_add(request.form.get("who", "")),
            may_plugins=actor.may("plugins.manage"),
            log=request.form if errors or matches is not None else {},
            log_errors=errors or {},
            matches=matches,
            form_id=once.new_form_id(),
        )
        return html, 422 if errors else 200

    def _to_follow_up(self) -> tuple[list[tuple[Row, Record]], bool]:
        """Talks of which the person wanted to be reminded by today, the oldest first; and whether there are more."""
        records, actor = self.town.records, self.actor
        if actor.id is None or not records.may(actor, "view", INTERACTION):
            return [], False
        if not records.may_ask(actor, INTERACTION, "handled_by", "follow_up", "followed_up"):
            return [], False
        where = {"handled_by": actor.id, "follow_up": {"lte": "today"}, "followed_up": {"ne": True}}
        fields = ("contact", "subject", "body", "follow_up")
        found = records.find(actor, INTERACTION, where, sort="follow_up", limit=SHOWN + 1, fields=fields).records
        presenter = self.desk.presenter
        made = []
        for record in found[:SHOWN]:
            words = record.values.get("subject") or record.values.get("body") or ""
            day = record.values["follow_up"]
            late = presenter.today() > day
            end = Markup('<span class="due{}">{}{}</span>').format(
                " due-over" if late else "",
                self.desk.marks.icon("dial-over" if late else "dial-low"),
                presenter.day(day) if late else "today",
            )
            title = record.titles.get((CONTACT, record.values.get("contact") or 0), "") or record.title
            url = urls.record_url(INTERACTION, record.id)
            made.append((Row(title, url, _short(words, 80), record.type.icon, end), record))
        return made, len(found) > SHOWN

    def _greeting(self) -> str:
        hour = self.desk.presenter.local(self.desk.presenter.now()).hour
        word = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
        first = self.actor.name.split()[0] if self.actor.name and "@" not in self.actor.name else ""
        return f"Good {word}, {first}" if first else f"Good {word}"

    def _rows(self, work: queries.WorkList, queues: Mapping[int, str] | None = None) -> list[Row]:
        """The lines of a list; with ``queues`` each says in which of them it waits."""
        return [self._row(record, work.name, (queues or {}).get(record.queue or 0, "")) for record in work.records]

    def _row(self, record: Record, name: str, queue: str) -> Row:
        presenter = self.desk.presenter
        meta = [record.number]
        workflow = record.type.workflow
        state = workflow.states.get(record.state) if workflow is not None else None
        if name in ("unassigned", "team"):
            meta += [queue, presenter.ago(record.created)]
        elif name == "waiting":
            meta.append(state.label if state is not None else "")
        else:
            meta.append(state.label if state is not None else "")
        end = self.desk.marks.due(record)
        if name == "waiting":
            end = Markup('<span class="due">{}{}</span>').format(
                self.desk.marks.icon("dial-none"), f"unchanged since {presenter.day(record.updated)}"
            )
        return Row(
            record.title or record.type.label,
            urls.record_url(record.identity, record.id),
            " · ".join(part for part in meta if part),
            record.type.icon,
            end,
        )

    def _recent(self) -> list[Row]:
        """The latest contacts with people."""
        actor = self.actor
        records = self.town.records
        if not records.may(actor, "view", INTERACTION) or not records.may_ask(actor, INTERACTION, "at"):
            return []
        found = self.town.records.find(
            actor,
            INTERACTION,
            sort="-at",
            limit=RECENT_SHOWN * 5,
            fields=("channel", "direction", "contact", "at", "subject", "body"),
        )
        rows: dict[int, Row] = {}
        for record in found.records:
            id: int | None = record.values.get("contact") if record.values.get("direction") != "internal" else None
            title = record.titles.get((CONTACT, id), "") if id is not None else ""
            if id is not None and title and id not in rows and len(rows) < RECENT_SHOWN:
                short = _short(record.values.get("subject") or record.values.get("body") or "", 40)
                at = self.desk.presenter.seen(record.values.get("at"))
                icon = CHANNEL_ICONS.get(record.values.get("channel") or "", "speech")
                meta = " · ".join(part for part in (at, short) if part)
                rows[id] = Row(title, urls.record_url(CONTACT, id), meta, icon)
        return list(rows.values())

    def _coming(self) -> list[Row]:
        """What is on the calendar next."""
        presenter = self.desk.presenter
        now, today = presenter.now(), presenter.today()
        entries = calendar.entries(self.town, self.actor, now, now + timedelta(days=COMING_DAYS))

        def ahead(entry: calendar.CalendarEntry) -> bool:
            return presenter.local(entry.starts).date() >= today if entry.all_day else entry.starts >= now

        coming = [(entry.starts, "", entry) for entry in entries if ahead(entry) and not entry.cancelled]
        # What has begun and lasts, like a round that is open, comes up with its end.
        coming += [(entry.ends, "ends ", entry) for entry in entries if not ahead(entry) and entry.ends is not None]
        coming.sort(key=lambda each: each[0])
        rows = []
        for at, word, entry in coming[:COMING_SHOWN]:
            where = f" · {entry.location}" if entry.location else ""
            day = presenter.local(at).date()
            when = presenter.moment(at)
            if entry.all_day:
                when = "Today" if day == today else presenter.day(day)
            far = "today" if entry.all_day and day == today else presenter.ago(at)
            end = Markup('<span class="due">{}</span>').format(f"{word}{far}")
            meta = f"Ends {when[:1].lower() + when[1:] if day == today else when}{where}" if word else f"{when}{where}"
            rows.append(Row(entry.title, urls.record_url(entry.identity, entry.id), meta, "", end))
        return rows

    # -- the log ----------------------------------------------------------------------------------------------

    @expose("/log", methods=("POST",))
    def log(self) -> ResponseReturnValue:
        """Keep a call from somebody who is named by a few letters or digits."""
        actor = current_actor()
        sent = request.form
        form_id = sent.get("form_id", "")
        if not once.first_time(self.town, form_id):
            return redirect(once.where_to(form_id) or urls.ADMIN)
        errors: dict[str, str] = {}
        chosen, matches = self._who(sent.get("who", "").strip(), sent.get("contact", ""))
        if not sent.get("note", "").strip():
            errors["note"] = "Write a few words about what was said."
        if not sent.get("who", "").strip() and not sent.get("contact"):
            errors["who"] = "Write the caller's name or phone number."
        added = sent.get("contact") == NEW and self._may_add(sent.get("who", ""))
        if not errors and chosen is None and not added and sent.get("contact") != "none":
            first = matches[0].id if matches else "none"
            errors[f"contact-{first}"] = "It is not logged yet. Say who is calling, and log it once more."
        if errors:
            return self._page(errors, matches)
        try:
            with immediate(self.town.database):  # whoever logs a refused call once more adds nobody twice
                if added:
                    chosen = self._add(sent.get("who", ""))
                call = talking.log_contact(self.town, actor, chosen, self._sent(chosen, added=added))
        except ValidationFailed as failed:
            return self._page(failed.errors, matches)
        except refusals.REFUSED as refused:
            return self._page({"note": refusals.sentence(refused)}, matches)
        once.saved()
        target = self._after_log(chosen, call.id)
        if added:
            edit = urls.record_url(CONTACT, chosen or 0, "edit")
            said = "The call is logged, and the caller is a contact now."
            flash(Markup('{} <a href="{}">Add how to reach them</a>').format(said, edit), "ok")
        else:
            flash("The call is logged.", "ok")
        once.remember(form_id, target)
        return redirect(target)

    def _sent(self, contact: int | None, *, added: bool) -> dict[str, str]:
        """What was typed; a caller who is no contact is named in the words, as is a number that a new one gave."""
        note, who = request.form.get("note", ""), request.form.get("who", "").strip()
        named = contact is None or (added and any(letter.isdecimal() for letter in who))
        return {"how": "phone", "note": f"{who}: {note}" if who and named else note}

    def _may_add(self, who: str) -> bool:
        """Whether a caller of that name can become a contact with the call: a number alone is no name."""
        return any(letter.isalpha() for letter in who) and self.town.records.may(self.actor, "create", CONTACT)

    def _add(self, who: str) -> int:
        """A new contact from the words by which a caller gave their name; the last is the family's."""
        names = [word for word in who.split() if not any(letter.isdecimal() for letter in word)]
        given, family = " ".join(names[:-1]), names[-1] if names else who.strip()
        values = {"kind": "person", "given_name": given or None, "family_name": family}
        try:
            return self.town.records.create(self.actor, CONTACT, values).id
        except ValidationFailed as failed:
            raise ValidationFailed({"who": next(iter(failed.errors.values()))}) from failed

    def _who(self, text: str, chosen: str) -> tuple[int | None, list[Any]]:
        """The contact that is meant, if that is clear, and who else it could be."""
        if urls.number(chosen):
            return urls.number(chosen), []
        if not text or not self.town.records.may(self.actor, "view", CONTACT):
            return None, []
        hits, _ = self.town.records.search(self.actor, text, identities=[CONTACT], limit=MATCHES)
        same = [hit for hit in hits if hit.title.casefold() == text.casefold()]
        if len(same) == 1:
            return same[0].id, hits
        return (hits[0].id if len(hits) == 1 else None), hits

    def _after_log(self, contact: int | None, call: int) -> str:
        following = request.form.get("next", "")
        cases = {type_.identity: type_ for type_ in self.desk.creatable_cases(self.actor)}
        if following in cases:
            # The form shows what the caller said, and the call becomes one about the new case.
            return urls.new_url(following, contact=contact or "", call=call, channel="phone")
        return urls.record_url(CONTACT, contact) if contact is not None else urls.ADMIN


def _can_be_open(record_type: RecordType) -> bool:
    return record_type.is_case and not record_type.frozen


def _short(words: str, most: int) -> str:
    """The first words of a text."""
    return words if len(words) <= most else words[:most].rsplit(" ", 1)[0] + "…"
