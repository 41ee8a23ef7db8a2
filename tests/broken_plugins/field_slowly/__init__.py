"""A field type whose every look takes its time."""

from datetime import timedelta

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_slowly"
    compares = "text"

    def display(self, value, context):
        """Take a second."""
        context._town.clock.move(timedelta(seconds=20))
        return super().display(value, context)
