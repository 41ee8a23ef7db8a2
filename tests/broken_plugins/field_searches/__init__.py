"""A field type that fails when its words are wanted."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_searches"
    compares = "text"

    def search_text(self, value, context):
        """Fail."""
        raise ValueError("no words")
