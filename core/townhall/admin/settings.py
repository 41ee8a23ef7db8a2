"""The settings that the town runs with. They stand in a file; this page shows them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import urls
from townhall.admin.staff import StaffView
from townhall.lifecycle import town_layer

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

#: Settings that say where things are or hold keys: shown to nobody on screen.
PRIVATE = frozenset({"database", "plugins", "mail_password"})


class SettingsView(StaffView):
    """A table of settings."""

    permission = "settings.manage"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Settings", endpoint="admin_settings", url=urls.SETTINGS.rstrip("/"))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """All settings with their values."""
        settings = self.town.settings
        rows = [
            (field.name, field.name.replace("_", " ").capitalize(), _shown(getattr(settings, field.name)))
            for field in fields(settings)
            if field.name not in PRIVATE and not field.name.startswith("_")
        ]
        return self.render(
            "admin/settings.html",
            rows=rows,
            file=str(self.town.instance / "townhall.toml"),
            may_change_types=self.actor.may(town_layer.PERMISSION),
        )


def _shown(value: object) -> str:
    return (", ".join(value) or "none") if isinstance(value, tuple) else str(value)
