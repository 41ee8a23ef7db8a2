"""What a web application compiles, once: templates per process, and the writing of addresses when it is first needed.

A town builds its application anew whenever a plugin is switched, and most of that time went into work that had been
done before or that nobody would ever ask for.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from types import CodeType
from typing import Any

from jinja2.bccache import Bucket
from jinja2.bccache import BytecodeCache
from werkzeug.routing import Rule

#: Held while the writing of an address is compiled: Python 3.11 can't build syntax trees in two threads at once.
_building = Lock()
#: The code of every template by its name and file, with the digest of the text that it was made of.
_compiled: dict[str, tuple[str, CodeType]] = {}


class Address(Rule):
    """The rule of an address. What writes it for a link is compiled when the first link is written."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        make = super()._compile_builder
        made: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            with _building:
                if not made:
                    made.append(make(append_unknown))
            return made[0](rule, **values)

        return build


class CompiledTemplates(BytecodeCache):
    """Keeps the code of templates for all applications of this process.

    A filter of a constant is worked out when a template is compiled, so filters that are used in this way must say the
    same in every town: icons and addresses of static files do.
    """

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template its code, if the text is still the same."""
        checksum, code = _compiled.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        if bucket.code is not None:
            _compiled[bucket.key] = (bucket.checksum, bucket.code)
