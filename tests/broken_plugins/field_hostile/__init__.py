"""A field type that answers markup, and what no page can hold."""

from markupsafe import Markup

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_hostile"
    compares = "text"

    def display(self, value, context):
        """Give markup."""
        return Markup(f"<script>alert(1)</script>{value}\ud800\0")

    def raw(self, value, context):
        """Give markup."""
        return Markup('"><script>alert(2)</script>')

    def to_csv(self, value, context):
        """Give markup."""
        return Markup("<script>alert(3)</script>")
