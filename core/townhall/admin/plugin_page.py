"""A page per plugin: what it is, what it does, how its hooks stand, and what went wrong. It runs no plugin's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash
from flask import redirect
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import urls
from townhall.admin.jobs import PERMISSION as JOBS_PERMISSION
from townhall.admin.staff import StaffView
from townhall.errors import NotFound
from townhall.errors import PluginError
from townhall.extend.failures import Stage
from townhall.lifecycle import describing
from townhall.lifecycle import switching
from townhall.presentation import plural

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

#: What people call the steps on which a plugin can fail.
STAGE_LABELS: dict[Stage, str] = {
    "manifest": "Reading its plugin.toml",
    "requires": "Looking for the plugins that it needs",
    "settings": "Reading its settings",
    "import": "Loading its code",
    "hooks": "Looking at its hooks",
    "schemas": "Reading its schemas",
    "tables": "Bringing its tables up to date",
    "migration": "A migration",
    "call": "A hook",
    "field": "A field type of its own",
    "slow": "What took too long",
    "view": "A page of its own",
    "template": "A template",
    "static": "A file",
    "job": "A job",
    "seeds": "Its first records",
}


class PluginPage(StaffView):
    """One plugin, for whoever may switch them."""

    permission = switching.PERMISSION

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Plugin", endpoint="admin_plugin", url=f"{urls.PLUGINS}<plugin>")

    @expose("/")
    def index(self, plugin: str) -> ResponseReturnValue:
        """Everything about a plugin."""
        return self.render(
            "admin/plugin.html",
            plugin=self._describe(plugin),
            stages=STAGE_LABELS,
            title_of=self.town.plugins.title,
            safe_mode=self.town.safe_mode,
            may_see_jobs=self.actor.may(JOBS_PERMISSION),
        )

    @expose("/try-again", methods=("POST",))
    def try_again(self, plugin: str) -> ResponseReturnValue:
        """Call hooks again that were left alone."""
        title = self._describe(plugin).status.title
        describing.try_again(self.town, plugin)
        flash(f"Everything of {title} is called again.", "ok")
        return redirect(urls.plugin_url(plugin))

    @expose("/forget", methods=("POST",))
    def forget(self, plugin: str) -> ResponseReturnValue:
        """Forget what went wrong."""
        self._describe(plugin)
        count = self.town.failures.forget(plugin)
        flash(f"{plural(count, 'failure')} forgotten.", "ok")
        return redirect(urls.plugin_url(plugin))

    def _describe(self, name: str) -> describing.Description:
        try:
            return describing.describe(self.town, name)
        except PluginError as error:
            raise NotFound("There is no such plugin.") from error
