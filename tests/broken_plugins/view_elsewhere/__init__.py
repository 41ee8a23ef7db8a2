"""Its views want other places than its own."""

from flask_admin import BaseView
from flask_admin import expose

from townhall import hookimpl


class Page(BaseView):
    """A page."""

    @expose("/")
    def index(self):
        """Show it."""
        return "mine now"


@hookimpl
def admin_views():
    """Bring views."""
    return [
        Page(name="Home", endpoint="admin"),
        Page(name="Contacts", endpoint="view_elsewhere", url="/admin/core/contact"),
        Page(name="Public", endpoint="view_elsewhere_public", url="/"),
        Page(name="Own type", endpoint="view_elsewhere_type", url="/admin/view_elsewhere/thing"),
        "no view",
    ]
