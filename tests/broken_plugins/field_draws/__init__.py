"""A field type that fails when a form is filled in."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_draws"
    compares = "text"

    def raw(self, value, context):
        """Fail."""
        raise ValueError("no form")
