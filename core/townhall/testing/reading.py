"""Reading a page as a browser without scripts does: its forms with what they would send, and what stands on it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from html.parser import HTMLParser
from urllib.parse import urlsplit

#: Inputs that send nothing by themselves, or that a test fills in itself.
_SILENT = frozenset({"submit", "button", "reset", "image", "file"})
#: Controls that take any text.
_TYPED = frozenset({"text", "textarea", "email", "url", "tel", "search"})
#: Elements without an end tag.
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "use")
)
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


@dataclass
class _Control:
    kind: str
    name: str
    labelled: bool
    id: str


class PageReader(HTMLParser):
    """Reads one page. ``problems`` holds what keeps people out or leaves the server, each as a sentence."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[FormOnPage] = []
        self.problems: list[str] = []
        self.title = ""
        self._open: list[tuple[str, dict[str, str]]] = []
        self._controls: list[_Control] = []
        self._labels: set[str] = set()
        self._ids: set[str] = set()
        self._headings: list[int] = []
        self._text: list[str] = []
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self.feed(html)
        self.close()
        self._judge()

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
        elif tag == "label":
            self._labels.add(given.get("for", ""))
        if tag in ("textarea", "title", "button", "a"):
            self._text = []
        elif tag == "img":
            self._text.append(given.get("alt", ""))  # a picture's words are the words of the link around it
        if tag not in _VOID:
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
        elif tag in ("button", "a") and not (text or opened.get("aria-label") or opened.get("aria-labelledby")):
            self.problems.append(f"A {'button' if tag == 'button' else 'link'} has no words.")

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
        within = any(tag == "label" for tag, _ in self._open)
        named = within or bool(given.get("aria-label") or given.get("aria-labelledby") or given.get("title"))
        self._controls.append(
            _Control(kind, given.get("name", ""), named or kind in _SILENT - {"file"}, given.get("id", ""))
        )

    def _name(self, name: str) -> None:
        if self.forms and name:
            self.forms[-1].names.add(name)

    def _send(self, name: str, value: str) -> None:
        self._name(name)
        if self.forms and name:
            self.forms[-1].pairs.append((name, value))

    # -- what is wrong with it ----------------------------------------------------------------------------------

    def _look_at(self, tag: str, given: dict[str, str], names: set[str]) -> None:
        if given.get("id") in self._ids and given.get("id"):
            self.problems.append(f"Two elements have the id “{given['id']}”.")
        self._ids.add(given.get("id", ""))
        if tag == "html" and not given.get("lang"):
            self.problems.append("The page doesn't say its language.")
        if tag == "img" and "alt" not in names:
            self.problems.append(f"The picture {given.get('src', '')} has no text in its place.")
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self._headings.append(int(tag[1]))
        inline = sorted(name for name in names if name.startswith("on") or name == "style")
        if inline:
            self.problems.append(f"<{tag}> has {inline[0]}=, which the page's policy forbids.")
        if tag == "script" and not ({"src", "nonce"} & names):
            self.problems.append("There is a script inside the page, which the page's policy forbids.")
        for name, tags in _LOADING.items():
            if name in names and (tags is None or tag in tags) and urlsplit(given[name].split(" ")[0]).netloc:
                self.problems.append(f"<{tag}> asks another server: {given[name]}")

    def _judge(self) -> None:
        for control in self._controls:
            if not control.labelled and (not control.id or control.id not in self._labels):
                self.problems.append(f"The {control.kind} input “{control.name or control.id}” has no label.")
        if self._headings.count(1) != 1:
            self.problems.append(f"The page has {self._headings.count(1)} headings of the first level instead of one.")
        for before, after in zip(self._headings, self._headings[1:], strict=False):
            if after > before + 1:
                self.problems.append(f"A heading of level {after} follows one of level {before}.")
        if not self.title:
            self.problems.append("The page has no title.")
