"""Packing, unpacking and purging plugins: each asks on a page of its own before it does anything."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Response
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall import private
from townhall.admin import urls
from townhall.admin.staff import StaffView
from townhall.errors import PluginError
from townhall.lifecycle import packing
from townhall.lifecycle import purging
from townhall.lifecycle import switching
from townhall.lifecycle import unpacking

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

FORM = ("GET", "POST")
#: Seconds that an uploaded pack waits for the answer whether it should be unpacked.
_WAITS = 24 * 3600
_BLOCK = 256 * 1024
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class PacksView(StaffView):
    """The pages on which packs are made, brought in, and made before a plugin is purged."""

    permission = switching.PERMISSION

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Packs", endpoint="admin_packs", url=urls.PACKS.rstrip("/"))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Packs are reached from their plugins."""
        return redirect(urls.PLUGINS)

    @expose("/pack", methods=FORM)
    def pack(self) -> ResponseReturnValue:
        """Say what a pack will hold, then give it out."""
        name = request.values.get("name", "")
        try:
            found = self._packable(name)
            if request.method != "POST":
                return self.render("admin/pack.html", name=name, title=found)
            file = self._folder() / f"sending-{secrets.token_urlsafe(16)}.zip"
            packing.pack(self.town, self.actor, name, file)
        except PluginError as error:
            return self._back(error)
        response = Response(_sent(file), mimetype="application/zip")
        response.content_length = file.stat().st_size
        named = packing.suggested_name(self.town, name)
        response.headers.set("Content-Disposition", "attachment", filename=named)
        return response

    @expose("/unpack", methods=FORM)
    def unpack(self) -> ResponseReturnValue:
        """Take a pack, say what it holds, and bring it in once that is answered."""
        self._forget_waiting()
        if request.method != "POST":
            return self.render("admin/unpack.html")
        token = request.form.get("token", "")
        if token:
            return self._bring_in(token)
        upload = request.files.get("pack")
        if upload is None or not upload.filename:
            return self.render("admin/unpack.html", problem="Choose a pack first: the file that “Pack” gave out."), 422
        token = secrets.token_urlsafe(16)
        file = self._waiting(token)
        upload.save(file)
        file.chmod(0o600)
        try:
            found = unpacking.look(self.town, file)
        except PluginError as error:
            file.unlink()
            said = str(error).replace(file.name, upload.filename)
            return self.render("admin/unpack.html", problem=said), 422
        if found.problem:
            file.unlink()
            return self.render("admin/unpack.html", problem=found.problem.replace(file.name, upload.filename)), 422
        told = packing.as_told(found.contents.counts, found.types)
        return self.render("admin/unpack.html", found=found, told=told, token=token)

    @expose("/purge", methods=FORM)
    def purge(self) -> ResponseReturnValue:
        """Say what goes, and let it go once the plugin's name is typed."""
        name = request.values.get("name", "")
        try:
            found = purging.impact(self.town, name)
        except PluginError as error:
            return self._back(error)
        problem = ""
        if request.method == "POST" and not found.problem:
            try:
                file = purging.purge(self.town.renewed(), self.actor, name, request.form.get("confirm", ""))
            except PluginError as error:
                problem = str(error)
            else:
                flash(f"{found.title} is purged. What it kept is in {file} on the server.", "ok")
                return redirect(urls.PLUGINS)
        html = self.render(
            "admin/purge.html",
            found=found,
            lines=purging.lines(found, self.town.schemas),
            problem=problem,
            confirm=request.form.get("confirm", ""),
        )
        return html, 422 if problem else 200

    def _bring_in(self, token: str) -> ResponseReturnValue:
        file = self._waiting(token) if _TOKEN.fullmatch(token) else None
        if file is None or not file.is_file():
            return self.render("admin/unpack.html", problem="This pack is not here any more. Send it again."), 422
        try:
            town = self.town.renewed()
            done = unpacking.unpack(town, self.actor, file)
        except PluginError as error:
            return self.render("admin/unpack.html", problem=str(error).replace(file.name, "The pack")), 422
        finally:
            file.unlink(missing_ok=True)
        told = packing.as_told(done.counts, town.schemas)
        words = "It is on." if done.running else "Its records can be read; switch it on to work with them."
        flash(f"{done.title} is here: {told}. {words}", "ok")
        return redirect(urls.PLUGINS)

    def _packable(self, name: str) -> str:
        state, _ = packing.packable(self.town, name)
        return state.title

    def _back(self, error: PluginError) -> ResponseReturnValue:
        flash(str(error), "bad")
        return redirect(urls.PLUGINS)

    def _folder(self) -> Path:
        folder = self.town.instance / packing.FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _waiting(self, token: str) -> Path:
        return self._folder() / f"waiting-{token}.zip"

    def _forget_waiting(self) -> None:
        """Delete uploads that nobody answered for, and packs that were never fetched."""
        for pattern in ("waiting-*.zip", "sending-*.zip"):
            for file in self._folder().glob(pattern):
                if time.time() - file.stat().st_mtime > _WAITS:
                    private.remove(file)


def _sent(file: Path) -> Iterator[bytes]:
    """The bytes of a file, which is deleted once they are sent, or nobody wants more of them."""
    try:
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                yield block
    finally:
        file.unlink(missing_ok=True)
