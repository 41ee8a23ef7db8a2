"""Looks at what is masked: one value at a time, for a reason, and written down."""

from __future__ import annotations

from typing import Any

from flask import abort
from flask import request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from townhall.admin import urls
from townhall.admin.facts import FactWriter
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.encryption import KeyProblem
from townhall.records.types import Record
from townhall_forms.context import StoredFile
from townhall_forms.fields.base import Field

#: A reason is at least a word.
SHORTEST_REASON = 3
WHY = "Write why you need to see it, for example “Caller asked whether we have the right one”."


class RevealPages(RecordPages):
    """The page that asks why, and then shows."""

    @page("record", "reveal", more=True, methods=FORM)
    def reveal(self, id: int, field_name: str) -> ResponseReturnValue:
        """Ask why somebody wants to see a confidential value, then show it once."""
        record = self._record(id)
        field = self.type.fields.get(field_name.partition(".")[0])
        if field is None or field_name not in record.masked:
            abort(404)
        reason = " ".join(request.form.get("reason", "").split())
        error, value, value_html = "", None, None
        if request.method == "POST":
            if len(reason) < SHORTEST_REASON:
                error = WHY
            else:
                try:
                    value = self.town.records.reveal(self.actor, record.identity, id, field_name, reason)
                    value_html = self._revealed(record, field_name, value)
                except KeyProblem as problem:
                    error = str(problem)
        html = self.render(
            "admin/reveal.html",
            type=self.type,
            record=record,
            label=self._label(record, field_name),
            reason=reason,
            error=error,
            html=value_html,
            files=_files(value),
            shown=value_html is not None,
            back=self._url(record),
        )
        return html, 422 if error else 200

    def _part(self, record: Record, path: str) -> Field | None:
        """The question or column behind a path, ``None`` for a whole field or a question that is gone."""
        name, _, part = path.partition(".")
        field: Any = self.type.fields[name]
        if part and field.type_name == "answers":
            bound: Any = field.bind(record.values, self.town.context(self.actor))
            known: Field | None = bound.fields(record.values[name].version).get(part)
            return known
        return field.row_fields.get(part) if part else None

    def _label(self, record: Record, path: str) -> str:
        part = self._part(record, path)
        return part.label if part is not None else self.type.fields[path.partition(".")[0]].label

    def _revealed(self, record: Record, path: str, value: Any) -> Markup:
        """A value that somebody asked to see: of all rows, if it is a column."""
        writer = FactWriter(self.town.context(self.actor), self.desk.presenter)
        part = self._part(record, path)
        if part is None:
            return writer.in_lines(record, self.type.fields[path.partition(".")[0]], value)
        cells = value if isinstance(value, tuple) else (value,)
        return Markup("<br>").join(writer.in_lines(record, part, cell) for cell in cells if cell is not None)


def _files(value: Any) -> list[tuple[str, StoredFile]]:
    """The files that a value is made of, with the address of each."""
    found = value if isinstance(value, tuple) else (value,)
    return [(f"{urls.FILES}{each.id}", each) for each in found if isinstance(each, StoredFile)]
