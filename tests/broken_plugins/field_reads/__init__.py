"""A field type that fails when a value is read out of its columns."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_reads"
    compares = "text"

    def from_columns(self, row):
        """Fail."""
        raise ValueError("no value")
