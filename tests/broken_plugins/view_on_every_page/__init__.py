"""Its view wants to run on every page."""

from flask_admin import BaseView
from flask_admin import expose

from townhall import hookimpl


class Page(BaseView):
    """A page."""

    @expose("/")
    def index(self):
        """Show it."""
        return "here"

    def create_blueprint(self, admin):
        """Bring something along."""
        blueprint = super().create_blueprint(admin)
        blueprint.before_app_request(lambda: "every page is mine")
        return blueprint


@hookimpl
def admin_views():
    """Bring views."""
    return [Page(endpoint="view_on_every_page")]
