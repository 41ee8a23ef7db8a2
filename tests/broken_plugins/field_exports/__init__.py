"""A field type that fails when a value is written into a file."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_exports"
    compares = "text"

    def to_csv(self, value, context):
        """Fail."""
        raise ValueError("no CSV")
