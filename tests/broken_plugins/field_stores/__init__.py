"""A field type that fails when a value is stored."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_stores"
    compares = "text"

    def to_columns(self, value):
        """Fail."""
        raise SystemExit(4)
