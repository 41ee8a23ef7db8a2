"""Your week: what the weekly digest says, as it is now, and as it was written last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import urls
from townhall.admin.sheets import Row
from townhall.admin.staff import StaffView
from townhall.cases import digest
from townhall.cases import digest_delivery

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

_ICONS = {"overdue": "dial-over", "waiting": "pause", "dormant": "snow", "new": "new"}


class DigestView(StaffView):
    """The page of whoever is signed in."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Your week", endpoint="admin_digest", url=urls.DIGEST.rstrip("/"))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The digest as it would be written now."""
        actor = self.actor
        found = digest.digest(self.town, actor)
        parts = [
            (
                part,
                [
                    Row(
                        line.title,
                        line.path,
                        " · ".join(each for each in (line.number, line.words) if each),
                        _ICONS[part.name],
                    )
                    for line in part.lines
                ],
            )
            for part in found.parts
        ]
        return self.render(
            "admin/digest.html", found=found, parts=parts, latest=digest_delivery.latest(self.town, actor)
        )
