"""Its views can't be made."""

from flask_admin import BaseView
from flask_admin import expose

from townhall import hookimpl


class Page(BaseView):
    """A page."""

    @expose("/")
    def index(self):
        """Show it."""
        return ""


@hookimpl
def admin_views():
    """Bring views."""
    return [Page(endpoint="view_factory_raises"), 1 / 0]
