"""Files of records, given to whoever may see the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import urls
from townhall.admin.reveal_pages import SHORTEST_REASON
from townhall.admin.reveal_pages import WHY
from townhall.admin.staff import StaffView
from townhall.downloads import stored_file
from townhall.errors import ValidationFailed

if TYPE_CHECKING:
    from townhall.admin.desk import Desk


class FilesView(StaffView):
    """The address of every file."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Files", endpoint="admin_files", url=urls.FILES.rstrip("/"))

    def is_visible(self) -> bool:
        """There is no page to put into a menu."""
        return False

    @expose("/<int:id>", methods=("GET", "POST"))
    def file(self, id: int) -> ResponseReturnValue:
        """One file, a confidential one for a reason. What is inside can run nothing, whatever it is."""
        reason = " ".join(request.form.get("reason", "").split())
        try:
            stored, content = self.town.records.open_file(
                self.actor, id, reason if len(reason) >= SHORTEST_REASON else ""
            )
        except ValidationFailed:
            return self._ask(reason)
        return stored_file(stored, content, show=True)

    def _ask(self, reason: str) -> ResponseReturnValue:
        """Ask why somebody wants to open a confidential file."""
        error = WHY if request.method == "POST" else ""
        html = self.render("admin/reveal_file.html", reason=reason, error=error, back=urls.ADMIN)
        return html, 422 if error else 200

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Files have no list of their own."""
        abort(404)
