"""A field type that leads to itself."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_recurses"
    compares = "text"

    def display(self, value, context):
        """Fail."""
        return self.display(value, context)

    def parse(self, raw, context):
        """Fail."""
        return self.parse(raw, context)
