"""Everything in it wants the whole process to end, except being loaded."""

from flask_admin import BaseView
from flask_admin import expose

from townhall import hookimpl


class Page(BaseView):
    """A page."""

    @expose("/")
    def index(self):
        """Show it."""
        raise SystemExit(3)

    def is_visible(self):
        """Say who sees it."""
        raise SystemExit(4)

    def is_accessible(self):
        """Say who may come in."""
        raise SystemExit(5)


@hookimpl
def before_save(change):
    """Decide."""
    raise SystemExit(6)


@hookimpl
def compute_field(values):
    """Compute."""
    raise SystemExit(7)


@hookimpl
def after_save(change):
    """React."""
    raise SystemExit(8)


@hookimpl
def record_panels(record):
    """React."""
    raise SystemExit(9)


@hookimpl
def record_flags(record):
    """React."""
    raise SystemExit(10)


@hookimpl
def admin_views():
    """Bring views."""
    return [Page(name="All exit", endpoint="all_exit")]


@hookimpl
def demo_records(demo):
    """Make records."""
    raise SystemExit(11)
