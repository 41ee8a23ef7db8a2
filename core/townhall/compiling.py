"""What a web application compiles, once: templates per process, and the writing of addresses when it is first needed.

A town builds its application anew whenever a plugin is switched, and most of that time went into work that had been
done before or that nobody would ever ask for. The same is so of what the libraries do again for every page.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import MutableMapping
from inspect import CO_COROUTINE
from threading import Lock
from types import CodeType
from types import FunctionType
from typing import Any

from flask import Flask
from flask.templating import Environment
from jinja2 import Template
from jinja2.bccache import Bucket
from jinja2.bccache import BytecodeCache
from werkzeug.routing import Rule

#: Held while the writing of an address is compiled: Python 3.11 can't build syntax trees in two threads at once.
_building = Lock()
#: The code of every template by its name and file, with the digest of the text that it was made of.
_compiled: dict[str, tuple[str, CodeType]] = {}


class Templates(Environment):
    """The templates of an application. All share its globals, which Jinja would chain and copy for each page anew."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The globals of a template: the application's own, unless it is given others besides."""
        return super().make_globals(d) if d else self.globals

    def _load_template(self, name: str, globals: MutableMapping[str, Any] | None) -> Template:
        if not globals or self.loader is None:
            return super()._load_template(name, globals)
        # Jinja would add them to those of a template that it keeps, which here are everybody's.
        return self.loader.load(self, name, self.make_globals(globals))


class Application(Flask):
    """Flask, without what it would ask of the same functions with every page."""

    jinja_environment = Templates

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """A function that can be called plainly: most are, which a look at their code tells."""
        if type(func) is FunctionType and not func.__dict__ and not func.__code__.co_flags & CO_COROUTINE:
            return func
        return super().ensure_sync(func)


class Address(Rule):
    """The rule of an address. What writes it for a link is compiled when the first link is written."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        make = super()._compile_builder
        made: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            if not made:
                with _building:
                    made[:] = made or [make(append_unknown)]
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
