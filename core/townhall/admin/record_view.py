"""The staff pages of one type of record, as a Flask-Admin view over :mod:`townhall.records`.

Flask-Admin gives the frame: endpoint, menu, access. Its contract for models (``get_list``, ``get_one``,
``create_model`` ...) is kept over records, so that code written for it finds what it expects; its pages are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.actions import ActionsMixin
from flask_admin.model import BaseModelView
from wtforms import Form

from townhall.access.actors import Actor
from townhall.access.permissions import Verb
from townhall.accounts import current_actor
from townhall.admin import reaching
from townhall.admin import urls
from townhall.admin.desk import Desk
from townhall.admin.details import details
from townhall.admin.details import get_record
from townhall.admin.form_pages import FormPages
from townhall.admin.giving_pages import GivingPages
from townhall.admin.keeping_pages import KeepingPages
from townhall.admin.link_pages import LinkPages
from townhall.admin.list_pages import ListPages
from townhall.admin.listing import Lister
from townhall.admin.merging_pages import MergingPages
from townhall.admin.pages import open_page
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import Said
from townhall.admin.reveal_pages import RevealPages
from townhall.admin.sharing_pages import SharingPages
from townhall.admin.staff import run_page
from townhall.admin.staff import turn_away
from townhall.admin.task_pages import TaskPages
from townhall.admin.undo_pages import UndoPages
from townhall.admin.version_pages import VersionPages
from townhall.admin.workflow_pages import WorkflowPages
from townhall.cases import presence
from townhall.errors import NotFound
from townhall.errors import TownhallError
from townhall.records.types import Record
from townhall_forms.schema import RecordType


class RecordView(
    ListPages,
    FormPages,
    GivingPages,
    KeepingPages,
    RevealPages,
    VersionPages,
    UndoPages,
    LinkPages,
    MergingPages,
    SharingPages,
    TaskPages,
    WorkflowPages,
    BaseModelView,
):
    """The list, form and pages of one type of record."""

    in_menu_by_itself = True
    can_view_details = True
    can_export = True

    def __init__(self, desk: Desk, record_type: RecordType) -> None:
        self.desk = desk
        self.town = desk.town
        self.type = record_type
        self.lister = Lister(desk, record_type)
        super().__init__(
            record_type,
            name=record_type.label_plural,
            endpoint=f"records_{record_type.plugin}_{record_type.name}",
            url=urls.list_url(record_type.identity).rstrip("/"),
        )

    # -- Flask-Admin's frame ----------------------------------------------------------------------------------

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return current_actor()

    def may(self, verb: Verb) -> bool:
        """Whether whoever asks may do ``verb`` to records of this type."""
        return self.town.records.may(self.actor, verb, self.type.identity)

    def is_accessible(self) -> bool:
        """Staff who may see records of this type."""
        actor = self.actor
        return actor.kind == "staff" and self.town.records.may(actor, "view", self.type.identity)

    def inaccessible_callback(self, name: str, **kwargs: Any) -> ResponseReturnValue:
        """Ask a stranger to sign in, and tell a colleague that this is not theirs."""
        return turn_away(self.actor)

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return run_page(self, fn, *args, **kwargs)

    def init_actions(self) -> None:
        """Lists have none of Flask-Admin's own actions, which it would look for under every name of every view."""
        ActionsMixin.__init__(self)

    # -- Flask-Admin's contract for models --------------------------------------------------------------------

    def get_pk_value(self, model: Record) -> int:
        """A record's id."""
        return model.id

    def scaffold_list_columns(self) -> list[str]:
        """Columns of the list."""
        return list(self.type.list.columns)

    def scaffold_sortable_columns(self) -> dict[str, str]:
        """Fields that the list can be sorted by."""
        return {name: name for name, field in self.type.all_fields.items() if field.sortable and not field.outside}

    def scaffold_form(self) -> type[Form]:
        """An empty form: the real ones are built from the type for each request."""
        return Form

    def init_search(self) -> bool:
        """Every list can be searched."""
        return True

    def get_list(
        self,
        page: int,
        sort_field: str,
        sort_desc: bool,
        search: str | None,
        filters: Any,
        page_size: int | None = None,
    ) -> tuple[int, list[Record]]:
        """The count and one page of records. Paging goes by keys, so only the first page can be asked for by number."""
        sort = f"-{sort_field}" if sort_field and sort_desc else sort_field or ""
        records = self.town.records
        found = records.find(
            self.actor, self.type.identity, search=search or "", sort=sort, limit=page_size or self.page_size
        )
        return records.count(self.actor, self.type.identity, search=search or "").value, list(found.records)

    def get_one(self, id: Any) -> Record | None:
        """One record, or ``None``."""
        try:
            return get_record(self.desk, self.actor, self.type.identity, int(id))
        except (NotFound, ValueError):
            return None

    def create_model(self, form: Any) -> Record | bool:
        """Create a record from a form with ``values``; ``False`` when it is refused."""
        try:
            return self.town.records.create(self.actor, self.type.identity, form.values)
        except TownhallError as error:
            flash(str(error), "bad")
            return False

    def update_model(self, form: Any, model: Record) -> bool:
        """Change a record from a form with ``values``; ``False`` when it is refused."""
        try:
            self.town.records.update(self.actor, self.type.identity, model.id, form.values, version=model.version)
        except TownhallError as error:
            flash(str(error), "bad")
            return False
        return True

    def delete_model(self, model: Record) -> bool:
        """Archive a record: nothing is ever deleted here."""
        try:
            self.town.records.archive(self.actor, self.type.identity, model.id, version=model.version)
        except TownhallError as error:
            flash(str(error), "bad")
            return False
        return True

    # Flask-Admin's own pages that have no address here: ours are below and in RecordPages.
    delete_view = None
    action_view = None
    export = None
    ajax_lookup = None
    ajax_update = None

    # -- addresses --------------------------------------------------------------------------------------------

    @expose("/<word>", methods=FORM)
    @expose("/<word>/<more>", methods=FORM)
    def list_page(self, word: str, more: str | None = None) -> ResponseReturnValue:
        """A page below the list."""
        if word.isdecimal() and more is None:
            return redirect(f"{self.lister.base}{word}/")
        opened: ResponseReturnValue = open_page(self, "list", word, more)
        return opened

    @expose("/<int:id>/<word>", methods=FORM)
    @expose("/<int:id>/<word>/<more>", methods=FORM)
    def record_page(self, id: int, word: str, more: str | None = None) -> ResponseReturnValue:
        """A page below a record."""
        opened: ResponseReturnValue = open_page(self, "record", word, more, id)
        return opened

    # -- one record -------------------------------------------------------------------------------------------

    @expose("/<int:id>/")
    def details_view(self, id: int) -> ResponseReturnValue:
        """A record's page."""
        record = get_record(self.desk, self.actor, self.type.identity, id)
        return self.onward(record) or self.own_page(record)

    def own_page(self, record: Record, said: Said | None = None) -> ResponseReturnValue:
        """Its facts, what happened and what may be done, with the box for notes and messages."""
        shown = details(self.desk, self.actor, record, request.args)
        may = shown["may"]
        reach = reaching.reach(self.town, self.actor, record) if may["say"] and may["message"] else None
        html = self.render("admin/details.html", **shown, present=self._present(record), reach=reach, said=said)
        return html, 422 if said is not None else 200

    @page("record", "present")
    def present_view(self, id: int) -> ResponseReturnValue:
        """Who else has the record open: a part of its page, which the page's script asks for again and again."""
        record = get_record(self.desk, self.actor, self.type.identity, id)
        return self.render("admin/present.html", present=self._present(record, asked=True))

    def _present(self, record: Record, *, asked: bool = False) -> list[presence.Present]:
        """Colleagues who have the same case open."""
        if not record.type.is_case or record.type.frozen:
            return []
        return presence.others(self.town, self.actor, record.identity, record.id, asked=asked)

    @page("record", "print")
    def print_view(self, id: int) -> ResponseReturnValue:
        """A record on paper."""
        record = get_record(self.desk, self.actor, self.type.identity, id)
        return self.render("admin/print_record.html", **details(self.desk, self.actor, record, {}))
