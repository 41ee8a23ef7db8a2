"""The pages of a type's list: the list itself, on paper, as CSV, its saved views, and many records at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from flask import Response
from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup

from townhall.admin import bulk
from townhall.admin import reaching
from townhall.admin import taking
from townhall.admin import urls
from townhall.admin.details import get_record
from townhall.admin.exporting import csv_lines
from townhall.admin.listing import Lister
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.admin.saved_views import delete_view
from townhall.admin.saved_views import save_view
from townhall.admin.saved_views import tidy_query
from townhall.admin.saved_views import views_of
from townhall.errors import NotFound
from townhall.errors import ValidationFailed
from townhall.lifecycle import town_layer
from townhall.own_paths import own_path
from townhall.presentation import plural
from townhall.records.types import Record
from townhall_forms.forms import RecordForm
from townhall_forms.schema import Transition

#: Most rows of a list that go on paper.
PRINT_ROWS = 500


class ListPages(RecordPages):
    """The list and what is done from it."""

    lister: Lister

    if TYPE_CHECKING:

        def move_form(self, move: Transition | None, record: Record | None) -> RecordForm: ...

    # -- the list ---------------------------------------------------------------------------------------------

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """The list."""
        shorter = self.lister.tidy_address(request.args)
        if shorter and not request.args.get("after") and not request.args.get("before"):
            return redirect(shorter)
        actor = self.actor
        groups = bulk.actions(self.desk, actor, self.type)
        shown = self.lister.page(actor, request.args, pick=bool(groups))
        return self.render(
            "admin/list.html",
            kept_back=self.town.records.kept_back(actor, self.type.identity),
            heads=self._heads(groups, shown) if shown["shown"] else "",
            may={
                "create": self._may_create(),
                "export": self.may("export"),
                "save_view": True,
                "types": not self.type.frozen and actor.may(town_layer.PERMISSION),
            },
            headline=self._headline(shown),
            foot=self._foot(shown),
            words=self._words(shown["asked"].sort),
            **shown,
        )

    def _heads(self, groups: Sequence[bulk.ActionGroup], page: dict[str, Any]) -> Markup:
        """What is done with many of them, and the heads of the columns."""
        return self.desk.drawer.draw(
            "admin/list_heads.html",
            base=self.lister.base,
            query=page["query"],
            actions=tuple(groups),
            headings=tuple(page["headings"]),
            plural=self.type.label_plural,
            view_label=page["view_label"],
            picked=page["picked"],
        )

    def _may_create(self) -> bool:
        return self.may("create")

    def _headline(self, page: dict[str, Any]) -> str:
        count, total, label = page["count"], page["total"], page["view_label"]
        noun = self.type.label.lower() if total.value == 1 else self.type.label_plural.lower()
        if label == "Everything" and not page["chips"]:
            return f"{total} {noun}"
        what = "that match" if page["chips"] else f"in “{label}”"
        return f"{count} {what}, out of {total} in all"

    def _foot(self, page: dict[str, Any]) -> str:
        shown, count = page["shown"], page["count"]
        return f"{shown} of {count}" if page["older_url"] or page["newer_url"] else f"All {count}" if shown > 1 else "1"

    @staticmethod
    def _words(sort: str) -> dict[str, str]:
        """What the neighbouring pages are called."""
        by_time = sort.lstrip("-") in ("created", "updated", "closed", "at", "starts")
        if by_time:
            newest_first = sort.startswith("-")
            return {"newer": "Newer" if newest_first else "Older", "older": "Older" if newest_first else "Newer"}
        return {"newer": "Previous page", "older": "Next page"}

    @page("list", "print")
    def print_list(self) -> ResponseReturnValue:
        """The list on paper."""
        asked = self.lister.asked(self.actor, request.args)
        rows, count = self.lister.print_rows(self.actor, asked, PRINT_ROWS)
        narrowed = self.lister.narrowing(asked)
        taking.write_down(self.town, self.actor, self.type.identity, "print", count, narrowed)
        return self.render(
            "admin/print_list.html",
            type=self.type,
            asked=asked,
            rows=rows,
            shown=count,
            headings=self.lister.headings(asked),
            chips=self.lister.chips(asked),
            back=f"{self.lister.base}?{self.lister.query(asked)}",
            limit=PRINT_ROWS,
        )

    @page("list", "export.csv")
    def export_list(self) -> ResponseReturnValue:
        """The list as a CSV file."""
        if not self.may("export"):
            abort(403)
        asked = self.lister.asked(self.actor, request.args)
        picked = frozenset(urls.number(id) for id in request.args.getlist("pick")) - {0}
        lines = csv_lines(
            self.town,
            self.actor,
            self.type,
            asked.where,
            search=asked.text,
            sort=asked.sort,
            archived=asked.archived,
            figure=asked.figure,
            ids=picked or None,
            filters=["Selected"] if picked else self.lister.narrowing(asked),
        )
        name = f"{self.type.name}-{self.desk.presenter.today().isoformat()}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        first = next(lines)  # what is refused is refused before the file begins

        def body() -> Any:
            yield first
            yield from lines

        return Response(body(), mimetype="text/csv", headers=headers)

    @page("list", "lookup", more=True)
    def lookup(self, asked: str) -> ResponseReturnValue:
        """Records that a link of this type may point at, for the lookup of a form."""
        declared = self._linking(asked.removesuffix(".json"))
        if declared is None:
            abort(404)
        text = request.args.get("q", "").strip()[:100]
        options = self.town.context(self.actor).options(declared.target, declared.where, text, 10)
        return {"options": [{"id": o.id, "title": o.title, "note": o.note} for o in options]}

    def _linking(self, path: str) -> Any:
        first, _, rest = path.partition(".")
        declared = self.type.fields.get(first)
        if declared is not None and rest:
            declared = declared.row_fields.get(rest)
        return declared if declared is not None and declared.target else None

    # -- saved views ------------------------------------------------------------------------------------------

    @page("list", "save-view", methods=FORM)
    def new_view(self) -> ResponseReturnValue:
        """Keep what the list shows as a view."""
        query = tidy_query(request.form.get("query", "") or request.query_string.decode("utf-8", "replace"))
        error = ""
        if request.method == "POST":
            label, shared = request.form.get("label", ""), bool(request.form.get("shared"))
            try:
                id = save_view(self.town, self.actor, self.type.identity, label, query, shared)
            except ValidationFailed as failed:
                error = failed.errors["label"]
            else:
                flash("The view is saved. Its tab stands above the list.", "ok")
                return redirect(urls.with_query(self.lister.base, [("saved", id)]))
        html = self.render(
            "admin/view_form.html",
            type=self.type,
            base=self.lister.base,
            query=query,
            error=error,
            label=request.form.get("label", ""),
            may_share=self.actor.may("views.share"),
        )
        return html, 422 if error else 200

    @page("list", "delete-view", more=True, methods=FORM)
    def remove_view(self, asked: str) -> ResponseReturnValue:
        """Delete a kept view."""
        id = urls.number(asked)
        if request.method == "POST":
            label = delete_view(self.town, self.actor, self.type.identity, id)
            flash(f"The view “{label}” is deleted.", "ok")
            return redirect(self.lister.base)
        view = next((view for view in views_of(self.town, self.actor, self.type.identity) if view.id == id), None)
        if view is None:
            abort(404)
        return self.render(
            "admin/confirm.html",
            heading=f"Delete the view “{view.label}”?",
            text="Only the view goes, no record. "
            + (
                "Your colleagues lose it as well: it is shared."
                if view.shared
                else "It is your own; nobody else sees it."
            ),
            button="Delete the view",
            back=urls.with_query(self.lister.base, [("saved", id)]),
            trail=[(self.type.label_plural, self.lister.base), ("Delete a view", "")],
        )

    # -- many at once -----------------------------------------------------------------------------------------

    @page("list", "bulk", methods=FORM)
    def bulk(self) -> ResponseReturnValue:
        """Ask, then do one thing to many records."""
        actor, sent = self.actor, request.values
        groups = bulk.actions(self.desk, actor, self.type)
        action = sent.get("do", "")
        label = bulk.label_of(groups, action)
        back = own_path(sent.get("back"), self.lister.base)
        ids = [id for id in dict.fromkeys(map(urls.number, sent.getlist("pick"))) if id]
        if not label:
            self._changeable()
            if not bulk.is_gone(groups, action):
                abort(403 if not groups else 404)
            flash("Nothing was changed: whom or what you chose can’t have them any more. Choose again.", "bad")
            picks = urls.encoded(tuple(("pick", id) for id in ids))
            return redirect(f"{back}{'&' if '?' in back else '?'}{picks}" if ids else back)
        if not ids:
            flash("Select at least one line first: tick the boxes at the start of the lines.", "soon")
            return redirect(back)
        if action == "export":
            pairs: list[tuple[str, str | int]] = [("view", "all"), *(("pick", id) for id in ids)]
            return redirect(urls.with_query(f"{self.lister.base}export.csv", pairs))
        if action == bulk.MERGE:
            if len(ids) == 2:
                return redirect(urls.record_url(self.type.identity, ids[0], f"merge/{ids[1]}"))
            flash("Select exactly two lines to merge: the one that is kept, and the other.", "soon")
            return redirect(back)
        if len(ids) > bulk.MOST:
            flash(f"{len(ids):,} lines at once are too many: select {bulk.MOST} at most. Nothing was changed.", "bad")
            return redirect(back)
        picked = self.picked(ids)
        move = bulk.move_of(self.type, action)
        form = self.move_form(move, None)
        refused: list[tuple[Record, str]] = []
        if request.method == "POST" and not form.redraw and form.validate(require=move.require if move else ()):
            message = request.form.get("message", "").strip()
            outcome = bulk.run(self.town, actor, picked, action, form.values, message, label=label)
            if outcome.done:
                told = Markup("{}: done for {}.").format(label, plural(outcome.done, "record"))
                if outcome.mark:
                    told += Markup(' <a href="{}undo/{}">Undo this…</a>').format(self.lister.base, outcome.mark)
                flash(told, "ok")
            if not outcome.refused:
                return redirect(back)
            refused = outcome.refused
            picked = [record for record, _ in refused]
        return self.render(
            "admin/bulk.html",
            type=self.type,
            label=label,
            action=action,
            picked=picked,
            refused=refused,
            form=form,
            move=move,
            message=request.form.get("message", ""),
            unreached=reaching.unreached(self.town, self.type, [each.id for each in picked]) if move else 0,
            back=back,
            base=self.lister.base,
        )

    def picked(self, ids: list[int]) -> list[Record]:
        """The records with these ids that are there, in their order."""
        found = []
        for id in ids:
            try:
                found.append(get_record(self.desk, self.actor, self.type.identity, id, fields=()))
            except NotFound:
                continue
        if not found:
            raise NotFound("None of these records is there any more.")
        return found
