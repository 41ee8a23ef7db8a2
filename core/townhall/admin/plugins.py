"""The plugins page: what is there, what runs, why not, and switching on and off with a look ahead."""

from __future__ import annotations

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
from townhall.lifecycle.status import Status
from townhall.presentation import plural
from townhall.records.instants import from_microseconds

if TYPE_CHECKING:
    from townhall.admin.desk import Desk


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
        named = {status.name: status for status in found}
        off = named.get(asked_off)
        return self.render(
            "admin/plugins.html",
            trouble=[status for status in found if status.enabled and not status.running],
            installed=[status for status in found if not (status.enabled and not status.running)],
            # Looking runs no plugin's code: that is tried when somebody says yes.
            preview=switching.preview(self.town, asked_on, code=False) if asked_on in named else None,
            switching_off=off if off is not None and off.enabled else None,
            refusal=switching.needed_sentence(self.town, off) if off is not None and off.needed_by else "",
            kept={status.name: self._kept(status) for status in found if status.frozen or status is off},
            moment=lambda at: self.desk.presenter.day(from_microseconds(at)),
            notices=list(describing.troubled(self.town).values()),
            upgrades=self.town.upgrade.notices,
            safe_mode=self.town.safe_mode,
        )

    def _kept(self, status: Status) -> str:
        """How many records a plugin's types hold, in words."""
        counts = [self.town.records.count(self.actor, type_.identity, archived=None) for type_ in status.types]
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
            # Not in the town that is shown: requests under way finish with what they began with.
            status = act(self.town.renewed(without="" if on else name), self.actor, name)
        except PluginError as error:
            flash(str(error), "bad")
            return redirect(urls.PLUGINS)
        if on and not status.running:
            flash(f"{status.title} could not start: {status.reason}", "bad")
        else:
            word = "is on" if on else "is off. Its records are kept and can be read"
            flash(f"{status.title} {word}.", "ok")
        return redirect(urls.PLUGINS)
