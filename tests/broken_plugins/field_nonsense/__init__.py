"""A field type that answers nonsense."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_nonsense"
    compares = "text"

    def display(self, value, context):
        """Give nothing."""

    def to_csv(self, value, context):
        """Give a number."""
        return 7

    async def search_text(self, value, context):
        """Give what would have to be waited for."""
        return value

    def raw(self, value, context):
        """Give what no input can draw."""
        return object()

    def is_empty(self, value):
        """Never end."""
        yield value

    def json_schema(self):
        """Give what is no JSON."""
        return {"type": object()}

    def to_columns(self, value):
        """Forget a column."""
        return {self.name: value}

    def bind(self, values, context):
        """Give nothing."""
