"""A field type whose every face fails."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Fragile(Text):
    """Text that can't be shown, read or looked for."""

    type_name = "fragile"

    def from_columns(self, row):
        """Read it."""
        raise ValueError("no value")

    def parse(self, raw, context):
        """Take it in."""
        raise ValueError("no parsing")

    def display(self, value, context):
        """Show it."""
        raise SystemExit(3)

    def search_text(self, value, context):
        """Say by what it is found."""
        raise ValueError("no words")

    def raw(self, value, context):
        """Offer it in a form."""
        raise ValueError("no form")
