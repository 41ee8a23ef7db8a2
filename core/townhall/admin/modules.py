"""Uploading a module: choose a file, see what it brings, say yes; and taking its files away again."""

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
from townhall.extend import uploads
from townhall.lifecycle import switching
from townhall.lifecycle import uploading

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

FORM = ("GET", "POST")


class ModulesView(StaffView):
    """Uploaded modules, for whoever may switch plugins."""

    permission = switching.PERMISSION

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Modules", endpoint="admin_modules", url=urls.MODULES.rstrip("/"))

    @expose("/", methods=FORM)
    def index(self) -> ResponseReturnValue:
        """Choose a file and send it; what is wrong with it is said beside the choice."""
        problems: list[str] = []
        if request.method == "POST":
            sent = request.files.get("module")
            if sent is None or not sent.filename:
                problems = ["Choose a file first."]
            else:
                try:
                    checksum = uploading.upload(self.town, self.actor, sent.read(uploading.LARGEST + 1))
                    return redirect(f"{urls.MODULES}{checksum}")
                except PluginError as error:
                    problems = str(error).splitlines()
        used = [upload for upload in uploads.all_of(self.town.system) if not upload.waits]
        html = self.render(
            "admin/modules.html",
            problems=problems,
            used=used,
            running=self.town.plugins.running,
            title_of=self.town.plugins.title,
            largest=uploading.LARGEST // (1024 * 1024),
        )
        return html, 422 if problems else 200

    @expose("/<checksum>", methods=FORM)
    def waiting(self, checksum: str) -> ResponseReturnValue:
        """What an upload brings, and the question whether to use it."""
        if request.method == "POST":
            try:
                manifest = uploading.accept(self.town.renewed(), self.actor, checksum)
            except PluginError as error:
                flash(str(error), "bad")
                return redirect(f"{urls.MODULES}{checksum}")
            flash(f"{manifest.title} {manifest.version} is here.", "ok")
            return redirect(f"{urls.PLUGINS}?on={manifest.name}#switch-on")
        return self.render("admin/module.html", module=uploading.waiting(self.town, checksum))

    @expose("/remove/<module>", methods=FORM)
    def remove(self, module: str) -> ResponseReturnValue:
        """Take an uploaded module's files away, after asking."""
        if not any(each.name == module and not each.waits for each in uploads.all_of(self.town.system)):
            raise NotFound("No module of that name was uploaded.")
        title = self.town.plugins.title(module)
        if request.method == "POST":
            try:
                uploading.remove(self.town.renewed(), self.actor, module)
            except PluginError as error:
                flash(str(error), "bad")
            else:
                flash(f"The files of {title} are gone. Its records are kept.", "ok")
            return redirect(urls.MODULES)
        return self.render(
            "admin/confirm.html",
            heading=f"Take the files of {title} away?",
            text="Its records are kept and can be read. To change them, upload the module again and switch it on.",
            button="Take the files away",
            back=urls.MODULES,
            trail=[("Plugins", urls.PLUGINS), ("Uploaded modules", urls.MODULES), ("Take away", "")],
        )
