"""Its panels and flags hold what must not reach a page as it is."""

from markupsafe import Markup

from townhall import Flag
from townhall import Panel
from townhall import PanelRow
from townhall import hookimpl


@hookimpl
def after_save(town, change):
    """React."""
    assert change.id is None


@hookimpl
def record_panels(town, record):
    """React."""
    return [
        Panel(
            Markup("<script>alert(1)</script>"),
            rows=[
                PanelRow("\ud800 <b>bold</b>", "core.contact", record.id),
                PanelRow("x" * 1_000_000),
                PanelRow("plain but for its note", note=Markup("<script>alert(3)</script>")),
            ],
            facts=[(Markup("<i>"), "javascript:alert(1)")],
        )
    ]


@hookimpl
def record_flags(town, record):
    """React."""
    return [Flag(Markup("<script>alert(2)</script>"), tone="bad")]
