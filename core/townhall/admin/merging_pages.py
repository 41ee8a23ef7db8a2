"""Merging two records that stand for the same, and taking that apart again."""

from __future__ import annotations

from typing import Any

from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from townhall.admin import refusals
from townhall.admin import urls
from townhall.admin.alike import alike
from townhall.admin.facts import FactWriter
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.admin.sheets import Row
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.presentation import plural
from townhall.records import explaining
from townhall.records.choosing import Choice
from townhall.records.merging import Merging
from townhall.records.types import Record

#: How many records a search for the other one shows.
SHOWN = 20
_SIDE = "side-"


class MergingPages(RecordPages):
    """Choosing the other record, choosing what stands, and the way back."""

    def onward(self, record: Record) -> ResponseReturnValue | None:
        """The way to the record as which a merged one goes on; ``None`` for any other, or if that one is hidden."""
        went = self.town.records.came_to(self.actor, record) if record.archived is not None else None
        if went is None:
            return None
        flash(f"{_name(record)} was merged into this {self.type.label.lower()}.", "info")
        return redirect(self._url(went))

    @page("record", "merge")
    def merge_with(self, id: int) -> ResponseReturnValue:
        """Look for the other record."""
        record = self._mergeable(id)
        text = request.args.get("q", "").strip()[:100]
        found = self.town.records.lookup(self.actor, record.identity, text, limit=SHOWN + 2) if text else []
        rows = [
            Row(each.title, self._url(record, f"merge/{each.id}"), each.note, self.type.icon)
            for each in found
            if each.id != id
        ]
        for each, shared in alike(self.town, self.actor, record) if not text else ():
            note = " · ".join(part for part in (each.number, f"the same {shared}") if part)
            rows.append(Row(each.title, self._url(record, f"merge/{each.id}"), note, self.type.icon))
        return self.render(
            "admin/merge_with.html",
            type=self.type,
            record=record,
            text=text,
            rows=rows[:SHOWN],
            more=len(rows) > SHOWN,
            back=self._url(record),
        )

    @page("record", "merge", more=True, methods=FORM)
    def merge(self, id: int, asked: str) -> ResponseReturnValue:
        """Show both side by side, then make one of them."""
        record = self._mergeable(id)
        other = urls.number(asked)
        errors: dict[str, str] = {}
        if request.method == "POST":
            try:
                kept = self._merged(record, other)
            except refusals.REFUSED as refused:
                errors = {name.partition(".")[0]: message for name, message in refusals.problems(refused).items()}
            else:
                return redirect(self._url(kept))
        try:
            found = self.town.records.merging(self.actor, record.identity, id, other)
        except Rejected as rejected:
            flash(str(rejected), "bad")
            return redirect(self._url(record, "merge"))
        html = self.render("admin/merge.html", **self._shown(found, errors))
        return html, 422 if errors else 200

    def _merged(self, record: Record, other: int) -> Record:
        sent = request.form
        chosen = {name.removeprefix(_SIDE): side for name, side in sent.items() if name.startswith(_SIDE)}
        versions = (urls.number(sent.get("version")), urls.number(sent.get("other_version")))
        gone = self._record(other)
        kept = self.town.records.merge(
            self.actor,
            record.identity,
            record.id,
            other,
            chosen,
            versions=versions,
            note=" ".join(sent.get("note", "").split()),
        )
        flash(
            Markup('{} was merged into this {}. <a href="{}">Take it apart…</a>').format(
                _name(gone), self.type.label.lower(), self._url(gone, "apart")
            ),
            "ok",
        )
        return kept

    def _shown(self, found: Merging, errors: dict[str, str]) -> dict[str, Any]:
        writer = FactWriter(self.town.context(self.actor), self.desk.presenter)
        lines = [self._line(writer, found, each) for each in found.asked]
        labels = {line["name"]: line for line in lines}
        problems = []
        for name, message in errors.items():
            field = self.type.field(name)
            text = f"{field.label}: {message}" if field is not None else message
            problems.append((f"{_SIDE}{name}-{labels[name]['sides'][0]}" if name in labels else "", text))
        if found.problem and not errors:
            problems.append(("", found.problem))
        return {
            "type": self.type,
            "kept": found.kept,
            "other": found.other,
            "names": (_name(found.kept), _name(found.other)),
            "lines": lines,
            "both": any("both" in each.sides for each in found.asked),
            "caution": self._caution(found),
            "moves": [plural(count, each.label.lower(), each.label_plural.lower()) for each, count in found.moves],
            "problem": found.problem,
            "problems": problems,
            "errors": errors,
            "note": request.form.get("note", ""),
            "back": self._url(found.kept),
            "swap": self._url(found.other, f"merge/{found.kept.id}"),
        }

    def _caution(self, found: Merging) -> str:
        """What to look at before choosing, if either of the two says something that is meant."""
        options = self.type.merge
        if options is None:
            return ""
        both = (found.kept, found.other)
        return options.caution if any(each.get(name) for each in both for name in options.only_chosen) else ""

    def _line(self, writer: FactWriter, found: Merging, each: Choice) -> dict[str, Any]:
        """A field on which the two don't agree, in words."""
        name = each.field.name
        sent = request.form.get(f"{_SIDE}{name}", "")
        return {
            "name": name,
            "label": each.field.label,
            "kept": writer.fully(found.kept, each.field, each.kept),
            "other": writer.fully(found.other, each.field, each.other),
            "masked": each.masked,
            "reveal": (self._url(found.kept, f"reveal/{name}"), self._url(found.other, f"reveal/{name}")),
            "sides": each.sides,
            "chosen": sent if sent in each.sides else each.side,
        }

    @page("record", "apart", methods=FORM)
    def apart(self, id: int) -> ResponseReturnValue:
        """Ask, then bring a merged record back, and say what was left as it is."""
        self._changeable()
        record = self._record(id)
        went = self.town.records.came_to(self.actor, record)
        if went is None:
            flash("This was not merged into another one, or that was taken apart already.", "soon")
            return redirect(self._url(record))
        for verb in ("edit", "merge"):
            if not self.town.records.reaches(self.actor, verb, record):
                abort(403)
        done = None
        if request.method == "POST":
            try:
                done = self.town.records.take_apart(
                    self.actor,
                    record.identity,
                    id,
                    version=urls.number(request.form.get("version"), record.version),
                    note=" ".join(request.form.get("note", "").split()),
                )
            except refusals.REFUSED as refused:
                flash(refusals.sentence(refused), "bad")
            if done is None:
                return redirect(self._url(went))
            flash(f"{_name(record)} is back, and {plural(done.moved, 'record names', 'records name')} it again.", "ok")
            if not done.left:
                return redirect(self._url(record))
        return self.render(
            "admin/apart.html",
            type=self.type,
            record=record,
            went=went,
            names=(_name(went), _name(record)),
            done=done,
            left=[(urls.record_url(each.identity, each.id), _name(each), why) for each, why in done.left]
            if done is not None
            else [],
            back=self._url(went),
            own=self._url(record),
        )

    def _mergeable(self, id: int) -> Record:
        """A record that whoever asks may merge. Raises :class:`~townhall.errors.Forbidden`, saying why not."""
        if self.type.merge is None:
            abort(404)
        record = self._editable(id)
        if sentence := explaining.first_obstacle(self.town, self.actor, record, "merge"):
            raise Forbidden(sentence)
        return record


def _name(record: Record) -> str:
    return f"{record.number} {record.title}".strip()
