"""A field type that fails when history is written."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_remembers"
    compares = "text"

    def json_text(self, value):
        """Fail."""
        raise ValueError("no history")

    def revise(self, old, new):
        """Fail."""
        raise ValueError("no revision")
