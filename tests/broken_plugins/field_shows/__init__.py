"""A field type that exits when a value is shown."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_shows"
    compares = "text"

    def display(self, value, context):
        """Fail."""
        raise SystemExit(3)
