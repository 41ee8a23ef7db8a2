"""The plugins page: what is there, what runs, why not, and switching on and off with a look ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import urls
from townhall.admin.staff import StaffView
from townhall.errors import NotFound
from townhall.errors import PluginError
from townhall.lifecycle import describing
from townhall.lifecycle import switching
from townhall.presentation import plural
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.admin.desk import Desk


@dataclass(frozen=True, slots=True)
class Addition:
    """One thing that a plugin adds: how many, and which."""

    what: str
    which: str


class PluginsView(StaffView):
    """The list of plugins, for whoever may switch them."""

    permission = switching.PERMISSION

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Plugins", endpoint="admin_plugins", url=urls.PLUGINS.rstrip("/"))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """All plugins; ``?on=NAME`` and ``?off=NAME`` show what switching would do."""
        found = switching.statuses(self.town)
        asked_on, asked_off = request.args.get("on", ""), request.args.get("off", "")
        names = {status.name for status in found}
        preview = switching.preview(self.town, asked_on) if asked_on in names else None
        return self.render(
            "admin/plugins.html",
            trouble=[status for status in found if status.enabled and not status.running],
            installed=[status for status in found if not (status.enabled and not status.running)],
            preview=preview,
            added=additions(preview.types) if preview is not None else [],
            switching_off=next((status for status in found if status.name == asked_off and status.enabled), None),
            kept=self._kept(asked_off),
            title_of=self.town.plugins.title,
            notices=list(describing.troubled(self.town).values()),
            safe_mode=self.town.safe_mode,
        )

    def _kept(self, name: str) -> str:
        """How many records a plugin's types hold, in words."""
        types = [type_ for type_ in self.town.schemas.values() if type_.plugin == name]
        counts = [self.town.records.count(self.actor, type_.identity, archived=None) for type_ in types]
        total = sum(count.value for count in counts)
        return f"{plural(total, 'record')}{' or more' if any(count.capped for count in counts) else ''}"

    @expose("/switch", methods=("POST",))
    def switch(self) -> ResponseReturnValue:
        """Switch a plugin."""
        name, on = request.form.get("name", ""), request.form.get("on") == "1"
        if name not in {status.name for status in switching.statuses(self.town)}:
            raise NotFound("There is no such plugin.")
        act = switching.enable if on else switching.disable
        try:
            status = act(self.town, self.actor, name)
        except PluginError as error:
            flash(str(error), "bad")
            return redirect(urls.PLUGINS)
        if on and not status.running:
            flash(f"{status.title} could not start: {status.reason}", "bad")
        else:
            word = "is on" if on else "is off. Its records are kept"
            flash(f"{status.title} {word}.", "ok")
        return redirect(urls.PLUGINS)


def additions(types: tuple[RecordType, ...]) -> list[Addition]:
    """What types bring: kinds of record, cases among them, public forms and lists."""
    made = []
    if types:
        made.append(Addition(plural(len(types), "kind of record", "kinds of record"), _names(types)))
    cases = [type_ for type_ in types if type_.is_case]
    if cases:
        made.append(Addition(plural(len(cases), "kind of case", "kinds of case"), _names(cases)))
    forms = [form for type_ in types for form in type_.forms.values()]
    if forms:
        made.append(Addition(plural(len(forms), "public form"), ", ".join(f"“{form.label}”" for form in forms)))
    lists = [type_.public for type_ in types if type_.public is not None]
    if lists:
        made.append(Addition(plural(len(lists), "public list"), ", ".join(f"“{each.label}”" for each in lists)))
    return made


def _names(types: tuple[RecordType, ...] | list[RecordType]) -> str:
    return ", ".join(type_.label_plural.lower() for type_ in types)
