"""Reading a page as a browser without scripts does: its forms with what they would send, and what stands on it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from townhall.testing.accessibility import VOID
from townhall.testing.accessibility import obstacles

#: Inputs that send nothing by themselves, or that a test fills in itself.
_SILENT = frozenset({"submit", "button", "reset", "image", "file"})
#: Controls that take any text.
_TYPED = frozenset({"text", "textarea", "email", "url", "tel", "search"})
_LOADING = {"src": None, "srcset": None, "poster": None, "action": None, "href": ("link", "use", "image")}


@dataclass
class FormOnPage:
    """One form: where it is sent, and every pair that a browser would send, in order."""

    action: str
    method: str
    pairs: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    #: What each list offers besides nothing.
    options: dict[str, list[str]] = field(default_factory=dict)
    #: Controls that somebody types into, with their kinds.
    typed: dict[str, str] = field(default_factory=dict)
    #: Controls that the page says are filled in wrongly.
    wrong: set[str] = field(default_factory=set)

    def data(self) -> dict[str, list[str]]:
        """The pairs by name."""
        data: dict[str, list[str]] = {}
        for name, value in self.pairs:
            data.setdefault(name, []).append(value)
        return data


class PageReader(HTMLParser):
    """Reads one page. ``problems`` holds what keeps people out or leaves the server, each as a sentence."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[FormOnPage] = []
        self.problems: list[str] = []
        self.title = ""
        self._open: list[tuple[str, dict[str, str]]] = []
        self._text: list[str] = []
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self.feed(html)
        self.close()
        self.problems += obstacles(html)

    def form_to(self, *names: str) -> FormOnPage | None:
        """The form that has all of these controls."""
        return next((form for form in self.forms if form.method == "post" and form.names >= set(names)), None)

    # -- what HTMLParser calls ----------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._look_at(tag, given, {name for name, _ in attrs})
        if tag == "form":
            self.forms.append(FormOnPage(given.get("action", ""), given.get("method", "get").lower()))
        elif tag == "input":
            self._input(given)
        elif tag in ("select", "textarea"):
            self._control(tag, given)
            self._select = (given.get("name", ""), []) if tag == "select" else self._select
        elif tag == "option" and self._select is not None:
            self._select[1].append((given.get("value", ""), "selected" in given))
        if tag in ("textarea", "title"):
            self._text = []
        if tag not in VOID:
            self._open.append((tag, given))

    def handle_endtag(self, tag: str) -> None:
        opened: dict[str, str] = {}
        while self._open:
            name, opened = self._open.pop()
            if name == tag:
                break
        text = "".join(self._text).strip()
        if tag == "textarea":
            self._send(opened.get("name", ""), text)
        elif tag == "select" and self._select is not None:
            name, options = self._select
            chosen = [value for value, selected in options if selected]
            for value in chosen or ([options[0][0]] if options and "multiple" not in opened else []):
                self._send(name, value)
            if self.forms:
                self.forms[-1].options[name] = [value for value, _ in options if value]
            self._select = None
        elif tag == "title" and not any(name == "svg" for name, _ in self._open):
            self.title = text

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    # -- forms --------------------------------------------------------------------------------------------------

    def _input(self, given: dict[str, str]) -> None:
        kind = given.get("type", "text").lower()
        if kind != "hidden":
            self._control(kind, given)
        if kind in _SILENT or (kind in ("checkbox", "radio") and "checked" not in given):
            self._name(given.get("name", ""))
        else:
            self._send(given.get("name", ""), given.get("value", "on" if kind in ("checkbox", "radio") else ""))

    def _control(self, kind: str, given: dict[str, str]) -> None:
        self._name(given.get("name", ""))
        if self.forms and kind in _TYPED:
            self.forms[-1].typed[given.get("name", "")] = kind
        if self.forms and given.get("aria-invalid") == "true":
            self.forms[-1].wrong.add(given.get("name", ""))

    def _name(self, name: str) -> None:
        if self.forms and name:
            self.forms[-1].names.add(name)

    def _send(self, name: str, value: str) -> None:
        self._name(name)
        if self.forms and name:
            self.forms[-1].pairs.append((name, value))

    # -- what is wrong with it ----------------------------------------------------------------------------------

    def _look_at(self, tag: str, given: dict[str, str], names: set[str]) -> None:
        inline = sorted(name for name in names if name.startswith("on") or name == "style")
        if inline:
            self.problems.append(f"<{tag}> has {inline[0]}=, which the page's policy forbids.")
        if tag == "script" and not ({"src", "nonce"} & names):
            self.problems.append("There is a script inside the page, which the page's policy forbids.")
        for name, tags in _LOADING.items():
            if name in names and (tags is None or tag in tags) and urlsplit(given[name].split(" ")[0]).netloc:
                self.problems.append(f"<{tag}> asks another server: {given[name]}")
