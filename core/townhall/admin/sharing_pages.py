"""Opening a case to another department, and why somebody can't do something with a record."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue

from townhall.accounts import people
from townhall.accounts import roles
from townhall.admin import urls
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.cases import referring
from townhall.cases.rulebook import queues_in_use
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import ValidationFailed
from townhall.records import explaining
from townhall.records.sharing import LEVEL_LABELS

#: Which input says what, for the list of what is wrong.
_INPUTS = {"team": "team", "level": "level-view"}


@dataclass(frozen=True, slots=True)
class Line:
    """Things that can be done or can't for the same reasons, and for each reason which roles would help."""

    label: str
    obstacles: tuple[tuple[str, str], ...]


class SharingPages(RecordPages):
    """Other departments, and explanations."""

    @page("record", "share", methods=FORM)
    def share(self, id: int) -> ResponseReturnValue:
        """Open a case to one more team, or close it again to one."""
        record = self._record(id)
        if not self.type.is_case:
            abort(404)
        if not self.town.records.may_share(self.actor, record):
            raise Forbidden("You may not share this. Only who may change it in their own right can.")
        errors: dict[str, str] = {}
        sent = request.form
        if request.method == "POST":
            try:
                flash(self._share_or_end(id), "ok")
                return redirect(self._url(record, "share"))
            except ValidationFailed as failed:
                errors = dict(failed.errors)
            except NotFound as gone:
                errors = {"": str(gone)}
        html = self.render(
            "admin/share.html",
            type=self.type,
            record=record,
            shares=self.town.records.shares(self.actor, record.identity, id),
            teams=[(each.id, each.name) for each in queues_in_use(self.town, self.actor) if each.id != record.queue],
            levels=LEVEL_LABELS,
            problems=[(_INPUTS.get(path, ""), sentence) for path, sentence in errors.items()],
            sent=sent,
            back=self._url(record),
        )
        return html, 422 if errors else 200

    def _share_or_end(self, id: int) -> str:
        """Do what was sent; what came of it in a sentence."""
        sent, records, identity = request.form, self.town.records, self.type.identity
        if ended := urls.number(sent.get("end")):
            records.unshare(self.actor, identity, id, ended)
            return "It is not shared with them any more."
        team, level = urls.number(sent.get("team")), sent.get("level", "")
        made = referring.refer(self.town, self.actor, identity, id, team, level, sent.get("reason", ""))
        return f"The team of {made.team} can {LEVEL_LABELS[made.level].lower()} now. It opens this one and no other."

    @page("record", "why")
    def why(self, id: int) -> ResponseReturnValue:
        """What the reader may do with a record; where they may not, why, which role would help, and whom to ask."""
        record = self._record(id)
        lines: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for deed in explaining.deeds(self.town, self.actor, record):
            told = tuple((each.sentence, self._helping(each.permission)) for each in deed.obstacles)
            lines.setdefault(told, []).append(deed.label)
        return self.render(
            "admin/why.html",
            type=self.type,
            record=record,
            lines=[Line(", ".join(labels), told) for told, labels in lines.items()],
            locked=explaining.locked(self.town, self.actor, record),
            asked=self._managers(),
            back=self._url(record),
        )

    def _helping(self, permission: str) -> str:
        """Which roles would help, in a sentence."""
        if not permission:
            return ""
        names = [role.label for role in roles.giving(self.town, permission) if role.actor.reach(permission) == "all"]
        return f"Roles that may, with all of them: {', '.join(names)}." if names else ""

    def _managers(self) -> str:
        """Names of those who give roles to people."""
        return ", ".join(person.name for person in people.managers(self.town)[:3])
