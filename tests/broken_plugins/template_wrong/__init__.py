"""Its templates are wrong."""

from flask_admin import BaseView
from flask_admin import expose

from townhall import hookimpl


class Page(BaseView):
    """A page."""

    @expose("/")
    def index(self):
        """Show it."""
        return self.render("template_wrong/syntax.html")

    @expose("/undefined")
    def undefined(self):
        """Show what there isn't."""
        return self.render("template_wrong/undefined.html")

    @expose("/missing")
    def missing(self):
        """Show a template that there isn't."""
        return self.render("template_wrong/missing.html")


@hookimpl
def admin_views():
    """Bring views."""
    return [Page(endpoint="template_wrong")]
