"""A field type that exits when it is asked for its columns."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_columns"

    def columns(self):
        """Fail."""
        raise SystemExit(5)
