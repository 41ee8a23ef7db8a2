"""A field type with an input that there isn't."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_input"

    @property
    def control(self):
        """Name an input that nobody can draw."""
        return "colour_wheel"
