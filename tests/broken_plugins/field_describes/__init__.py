"""A field type that fails when it is described, or asked what it points at."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_describes"

    def json_schema(self):
        """Fail."""
        raise ValueError("no schema")

    def references(self, value):
        """Fail."""
        raise ValueError("no references")

    def bind(self, values, context):
        """Fail."""
        raise ValueError("no questions")
