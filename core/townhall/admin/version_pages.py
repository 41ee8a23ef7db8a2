"""The history of a record: every change, the record as it was, two versions compared, and one brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from townhall.admin import refusals
from townhall.admin import urls
from townhall.admin.facts import FactSection
from townhall.admin.facts import FactWriter
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.records import versions
from townhall.records.types import HistoryEntry
from townhall.records.types import Record
from townhall.records.versions import Difference
from townhall.records.versions import Version

#: What history's actions are called.
DEEDS = {
    "warn": "Warned",
    "breach": "Told as late",
    "escalate": "Passed on",
    "create": "Added",
    "update": "Changed",
    "transition": "Moved",
    "archive": "Archived",
    "restore": "Restored",
    "reveal": "Looked at",
    "import": "Imported",
    "merge": "Merged",
    "unmerge": "Taken out of a merge",
    "undo": "Undone",
    "link": "Gave a new secret link",
}
UNKNOWN = "Not kept any more"


class VersionPages(RecordPages):
    """What a record was, and how it became what it is."""

    @page("record", "history")
    def history(self, id: int) -> ResponseReturnValue:
        """Every change of a record, as it was kept."""
        record = self._record(id)
        entries = self.town.records.history(self.actor, record.identity, id)
        return self.render(
            "admin/history.html",
            type=self.type,
            record=record,
            entries=self._told(record, entries),
            versions=versions.numbers(entries),
            back=self._url(record),
        )

    @page("record", "version", more=True)
    def version(self, id: int, number: str) -> ResponseReturnValue:
        """A record as it was."""
        record = self._record(id)
        then = self.town.records.version(self.actor, record.identity, id, urls.number(number))
        entries = self.town.records.history(self.actor, record.identity, id)
        return self.render(
            "admin/version.html",
            type=self.type,
            record=record,
            then=then,
            deed=deed(then.entry),
            sections=self._sections(then),
            standard=self._standard(then),
            files=self._files(then),
            unknown=[self.type.all_fields[name].label for name in self.type.all_fields if name in then.unknown],
            versions=versions.numbers(entries),
            may_bring_back=then.entry.version != record.version and self._may_bring_back(record),
            back=self._url(record),
        )

    @page("record", "compare")
    def compare(self, id: int) -> ResponseReturnValue:
        """Two versions side by side."""
        record = self._record(id)
        entries = versions.numbers(self.town.records.history(self.actor, record.identity, id))
        last = entries[-1].version if entries else record.version
        old = urls.number(request.args.get("old"), max(last - 1, 1))
        new = urls.number(request.args.get("new"), last)
        found = self.town.records.compare(self.actor, record.identity, id, old, new)
        return self.render(
            "admin/compare.html",
            type=self.type,
            record=record,
            old=old,
            new=new,
            lines=self._lines(record, found),
            versions=entries,
            back=self._url(record),
        )

    @page("record", "bring-back", more=True, methods=FORM)
    def bring_back(self, id: int, text: str) -> ResponseReturnValue:
        """Show what bringing an earlier version back would change, then do it."""
        record = self._editable(id)
        number = urls.number(text)
        errors: dict[str, str] = {}
        chosen = set(request.form.getlist("field"))
        if request.method == "POST":
            try:
                self.town.records.bring_back(
                    self.actor,
                    record.identity,
                    id,
                    number,
                    version=urls.number(request.form.get("version"), record.version),
                    names=chosen,
                    note=" ".join(request.form.get("note", "").split()),
                )
            except refusals.REFUSED as refused:
                errors = refusals.problems(refused)
            else:
                flash(f"What version {number} held is back, as a new version.", "ok")
                return redirect(self._url(record))
            record = self._record(id)
        found = self.town.records.restoring(self.actor, record.identity, id, number)
        lines = self._lines(record, found)
        told = {name.partition(".")[0]: message for name, message in errors.items()}
        labels = {line["name"]: line["label"] for line in lines}
        html = self.render(
            "admin/bring_back.html",
            type=self.type,
            record=record,
            number=number,
            lines=[line for line in lines if not line["problem"]],
            refused=[line for line in lines if line["problem"]],
            chosen=chosen if request.method == "POST" else set(labels),
            problems=[
                (f"field-{name}" if name in labels else "", f"{labels[name]}: {message}" if name in labels else message)
                for name, message in told.items()
            ],
            errors=told,
            note=request.form.get("note", ""),
            back=self._url(record),
        )
        return html, 422 if errors else 200

    # -- words ------------------------------------------------------------------------------------------------

    def _may_bring_back(self, record: Record) -> bool:
        return (
            record.archived is None
            and not self.type.append_only
            and not self.type.frozen
            and (self.town.records.reaches(self.actor, "edit", record))
        )

    def _writer(self) -> FactWriter:
        return FactWriter(self.town.context(self.actor), self.desk.presenter)

    def _told(self, record: Record, entries: Sequence[HistoryEntry]) -> list[dict[str, Any]]:
        """History entries with their values in words."""
        writer = self._writer()
        made = {entry.id for entry in versions.numbers(entries)}
        told = []
        for entry in reversed(entries):
            changes = []
            for name, (old, new) in entry.changes.items():
                field = self.type.field(name)
                if field is None:
                    changes.append((name, str(old or ""), str(new or "")))
                    continue
                changes.append((field.label, writer.words(record, field, old), writer.words(record, field, new)))
            told.append(
                {
                    "entry": entry,
                    "deed": deed(entry),
                    "changes": changes,
                    "is_version": entry.id in made,
                    "changed": entry.action not in versions.LOOKS,
                }
            )
        return told

    def _sections(self, then: Version) -> list[FactSection]:
        """The fields of a record as it was. What is masked can't be revealed here: only what it is today can."""
        made = self._writer().sections(then.record, leave=then.unknown)
        for section in made:
            section.facts = [replace(fact, reveal_url="") for fact in section.facts]
        return made

    def _standard(self, then: Version) -> list[tuple[str, Markup | str]]:
        """State, who had it and until when, as far as there was any."""
        record, writer = then.record, self._writer()
        told: list[tuple[str, Markup | str]] = []
        for name in ("state", "assignee", "queue", "due", "archived"):
            field = self.type.system_fields.get(name)
            value = getattr(record, name) if field is not None else None
            if field is None or name in then.unknown or value in (None, ""):
                continue
            told.append((field.label, writer.words(record, field, value)))
        return told

    def _files(self, then: Version) -> list[tuple[str, Markup]]:
        writer = self._writer()
        fields = [field for field in self.type.fields.values() if field.type_name in versions.FILES]
        return [
            (field.label, writer.words(then.record, field, then.record.values[field.name]))
            for field in fields
            if then.record.values.get(field.name)
        ]

    def _lines(self, record: Record, found: Sequence[Difference]) -> list[dict[str, Any]]:
        """Differences in words."""
        writer = self._writer()

        def words(each: Difference, value: Any, known: bool) -> Markup | str:
            return writer.fully(record, each.field, value) if known else UNKNOWN

        return [
            {
                "name": each.field.name,
                "label": each.field.label,
                "old": words(each, each.old, each.old_known),
                "new": words(each, each.new, each.new_known),
                "problem": each.problem,
            }
            for each in found
        ]


def deed(entry: HistoryEntry) -> str:
    """What an entry's action is called."""
    return DEEDS.get(entry.action, entry.action.replace("_", " ").capitalize())
