"""A field type that fails to take what was typed out of a form."""

from townhall_forms.fields import register
from townhall_forms.fields.text import Text


@register
class Shade(Text):
    """Text of a plugin's own."""

    type_name = "shade_takes"
    compares = "text"

    def extract(self, data, files, prefix, context):
        """Fail."""
        raise KeyError(prefix)
