"""Its pages fail."""

from flask_admin import BaseView
from flask_admin import expose

from townhall import hookimpl


class Page(BaseView):
    """A page."""

    @expose("/")
    def index(self):
        """Show it."""
        raise RuntimeError("no page")

    @expose("/exits")
    def exits(self):
        """End the process."""
        raise SystemExit(3)

    @expose("/nothing")
    def nothing(self):
        """Show nothing at all."""

    @expose("/works")
    def works(self):
        """Show something."""
        return self.render("view_raises/works.html")


@hookimpl
def admin_views():
    """Bring views."""
    return [Page(name="Map", endpoint="view_raises")]
