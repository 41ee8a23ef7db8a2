"""A field type that fails when a value is typed."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_parses"
    compares = "text"

    def parse(self, raw, context):
        """Fail."""
        raise ValueError(f"no parsing of {raw}")
