"""A field type that can't say whether there is anything."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_empties"
    compares = "text"

    def is_empty(self, value):
        """Fail."""
        raise ZeroDivisionError
