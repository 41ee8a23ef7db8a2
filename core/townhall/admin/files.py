"""Files of records, given to whoever may see the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import urls
from townhall.admin.staff import StaffView
from townhall.downloads import stored_file

if TYPE_CHECKING:
    from townhall.admin.desk import Desk


class FilesView(StaffView):
    """The address of every file."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Files", endpoint="admin_files", url=urls.FILES.rstrip("/"))

    def is_visible(self) -> bool:
        """There is no page to put into a menu."""
        return False

    @expose("/<int:id>")
    def file(self, id: int) -> ResponseReturnValue:
        """One file. What is inside can run nothing, whatever it is."""
        stored, content = self.town.records.open_file(self.actor, id)
        return stored_file(stored, content, show=True)

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Files have no list of their own."""
        abort(404)
