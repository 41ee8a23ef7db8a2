"""Its views can't say who may see them."""

from flask_admin import BaseView
from flask_admin import expose

from townhall import hookimpl


class Page(BaseView):
    """A page."""

    @expose("/")
    def index(self):
        """Show it."""
        return "secret"

    def is_accessible(self):
        """Say who may come in."""
        raise SystemExit(3)


class Hidden(Page):
    """A page that fails when the menu looks at it."""

    def is_accessible(self):
        """Everybody may come in."""
        return True

    def is_visible(self):
        """Say who sees it."""
        raise RuntimeError("no")


@hookimpl
def admin_views():
    """Bring views."""
    return [Page(endpoint="view_access_raises"), Hidden(endpoint="view_access_raises_hidden")]
