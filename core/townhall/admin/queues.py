"""Queues and what waits in them; the routing rules in their order; and the wards with the file of their outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.access.actors import Actor
from townhall.admin import urls
from townhall.admin.details import staff_name
from townhall.admin.sheets import Row
from townhall.admin.staff import StaffView
from townhall.cases import overview
from townhall.cases import wards
from townhall.cases.polygons import LARGEST_FILE
from townhall.cases.polygons import BadOutlines
from townhall.cases.rulebook import QUEUE
from townhall.cases.rulebook import ROUTE
from townhall.cases.rulebook import WARD
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records.types import Record
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

#: Most cases of a sort on the page of a queue.
SHOWN = 100


class _OfType(StaffView):
    """A page for whoever may see records of one type of core's set-up, and what is internal of them."""

    identity = ""

    def is_accessible(self) -> bool:
        """Staff who may see the records that the page is about."""
        actor, may = self.actor, self.town.records.may
        return actor.kind == "staff" and may(actor, "view", self.identity) and may(actor, "see_internal", self.identity)


class QueuesView(_OfType):
    """All queues, and the cases of each."""

    identity = QUEUE

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Queues", endpoint="admin_queues", url=urls.QUEUES.rstrip("/"))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """All queues with their counts."""
        return self.render(
            "admin/queues.html",
            lines=overview.queues(self.town, self.actor),
            me=self.actor.id,
            may_create=self.town.records.may(self.actor, "create", QUEUE),
        )

    @expose("/<int:id>/")
    def queue(self, id: int) -> ResponseReturnValue:
        """One queue: what waits to be taken, and what its people have in hand."""
        found = overview.queue_work(self.town, self.actor, id, limit=SHOWN)
        if found is None:
            abort(404)
        names = [staff_name(self.desk, self.actor, id) for id in sorted(found.line.queue.members)]
        return self.render(
            "admin/queue.html",
            line=found.line,
            team=sorted(names, key=str.casefold),
            waiting=[(self._row(record), record) for record in found.waiting],
            in_hand=[self._row(record) for record in found.in_hand],
            may_take={type_.identity for type_ in self._takeable(self.actor)},
            only_shared=self.town.records.only_shared(self.actor, found.waiting),
            back=f"{urls.QUEUES}{id}/",
            record_url=urls.record_url(QUEUE, id),
        )

    def _takeable(self, actor: Actor) -> list[RecordType]:
        records = self.town.records
        return self.desk.viewable(actor, lambda type_: type_.is_case and records.may(actor, "edit", type_.identity))

    def _row(self, record: Record) -> Row:
        workflow = record.type.workflow
        state = workflow.states.get(record.state) if workflow is not None else None
        who = staff_name(self.desk, self.actor, record.assignee) if record.assignee is not None else ""
        meta = [record.number, who, state.label if state is not None else "", self.desk.presenter.ago(record.created)]
        return Row(
            record.title or record.type.label,
            urls.record_url(record.identity, record.id),
            " · ".join(part for part in meta if part),
            record.type.icon,
            self.desk.marks.due(record),
        )


class RoutingView(_OfType):
    """The routing rules in their order."""

    identity = ROUTE

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Routing", endpoint="admin_routing", url=urls.ROUTING.rstrip("/"))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """All rules, what is wrong with any of them, and how often each decided."""
        town = self.town
        decisions = overview.decisions(town, self.actor)
        counted = {name: sum(count for (who, _), count in decisions.items() if who == name) for name, _ in DECIDERS}
        return self.render(
            "admin/routing.html",
            rules=overview.rules(town, self.actor, decisions),
            days=overview.DAYS,
            others=[(label, counted[name]) for name, label in DECIDERS if counted[name]],
            may_create=town.records.may(self.actor, "create", ROUTE),
            new_url=urls.new_url(ROUTE),
            list_url=urls.list_url(ROUTE),
        )


#: Who else decides where cases go, in words.
DECIDERS = (
    ("person", "Somebody chose who has it"),
    ("plugin", "A plugin said where it goes"),
    ("type", "Its own settings, such as the category’s"),
    ("default", "The queue where such cases wait"),
    ("nobody", "Nothing said where it goes"),
)


class WardsView(_OfType):
    """The wards, and the file of their outlines."""

    identity = WARD

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Wards", endpoint="admin_wards", url=urls.WARDS.rstrip("/"))

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        """All wards; a file that is sent is checked and taken as a whole or not at all."""
        records, actor = self.town.records, self.actor
        may_import = records.may(actor, "create", WARD) and records.may(actor, "edit", WARD)
        problem = ""
        if request.method == "POST":
            if not may_import:
                abort(403)
            problem = self._import()
            if not problem:
                return redirect(urls.WARDS)
        html = self.render(
            "admin/wards.html",
            lines=wards.overview(self.town, actor),
            problem=problem,
            name=request.form.get("name", ""),
            may_import=may_import,
            largest=LARGEST_FILE // 1_000_000,
            list_url=urls.list_url(WARD),
        )
        return html, 422 if problem else 200

    def _import(self) -> str:
        """Take the file that was sent; a sentence if it can't be used."""
        sent = request.files.get("file")
        if sent is None or not sent.filename:
            return "Choose a file first."
        data = sent.read(LARGEST_FILE + 1)
        name = request.form.get("name", "").strip()
        try:
            done = wards.import_outlines(self.town, self.actor, data, name=name, source=sent.filename)
        except (BadOutlines, ValidationFailed, Rejected) as error:
            return str(error)
        flash(done.sentence[0].upper() + done.sentence[1:], "ok")
        return ""
