"""What keeps people out of a page, as far as that shows in its HTML without a browser: :func:`obstacles`.

The rules follow WCAG 2.1 A and AA and the best practices that axe-core looks for. What only shows when a page is drawn
or used is not seen: contrast, size, order on the screen, what has the focus, and what scripts do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from html.parser import HTMLParser
from itertools import pairwise

from townhall.testing.aria import ATTRIBUTES
from townhall.testing.aria import NEEDED
from townhall.testing.aria import ROLES
from townhall.testing.aria import TRUTHS

#: Elements without an end tag.
VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "use")
)
#: Elements whose end tag may be left out, each with those that end it.
_ENDED_BY = {
    "li": {"li"},
    "option": {"option", "optgroup"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "tr": {"tr", "tbody", "tfoot"},
    "td": {"td", "th", "tr", "tbody", "tfoot"},
    "th": {"td", "th", "tr", "tbody", "tfoot"},
    "p": {"p", "div", "ul", "ol", "dl", "table", "form", "section", "fieldset", "h1", "h2", "h3", "h4", "h5", "h6"},
}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_HEADING = re.compile(r"h[1-6]")
#: Inputs that say by themselves what they are, or that nobody sees.
_SAY_THEMSELVES = frozenset({"hidden", "submit", "reset"})
#: Attributes that name other elements by their ids.
_POINTERS = ("aria-labelledby", "aria-describedby", "headers")
_NAMED_ROLES = frozenset({"button", "link", "menuitem", "tab", "checkbox", "switch", "radio", "option", "treeitem"})
_CHILDREN = {"ul": {"li"}, "ol": {"li"}, "dl": {"dt", "dd", "div"}}
_PARENTS = {"li": {"ul", "ol", "menu"}, "dt": {"dl"}, "dd": {"dl"}}
_ANYWHERE = frozenset({"script", "template"})


@dataclass(eq=False)
class Element:
    """One element of a page."""

    tag: str
    given: dict[str, str]
    parent: Element | None
    parts: list[Element | str] = field(default_factory=list)

    @property
    def children(self) -> list[Element]:
        """The elements right in it."""
        return [part for part in self.parts if isinstance(part, Element)]

    def walk(self) -> Iterator[Element]:
        """The element, and all in it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def above(self) -> Iterator[Element]:
        """All around it, the nearest first."""
        here = self.parent
        while here is not None:
            yield here
            here = here.parent

    def words(self, *, spoken: bool = True) -> str:
        """What a screen reader reads out of it; without ``spoken`` what is hidden from them counts too."""
        if spoken and self.given.get("aria-hidden") == "true":
            return ""
        if self.given.get("aria-label", "").strip():
            return self.given["aria-label"].strip()
        if self.tag in ("script", "style", "select", "textarea"):
            return ""
        own = [self.given.get("alt", "")] if self.tag == "img" else []
        parts = [part if isinstance(part, str) else part.words(spoken=spoken) for part in self.parts]
        return " ".join(" ".join([*own, *parts]).split())

    def __str__(self) -> str:
        marks = "".join(f' {key}="{self.given[key]}"' for key in ("id", "name", "href", "role") if self.given.get(key))
        return f"<{self.tag}{marks}>"


class _Tree(HTMLParser):
    """Reads a page into elements."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self._here = Element("", {}, None)
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        while self._here.parent is not None and tag in _ENDED_BY.get(self._here.tag, ()):
            self._here = self._here.parent
        element = Element(tag, {name: value or "" for name, value in attrs}, self._here)
        self._here.parts.append(element)
        if tag not in VOID:
            self._here = element

    def handle_endtag(self, tag: str) -> None:
        for element in (self._here, *self._here.above()):
            if element.tag == tag and element.parent is not None:
                self._here = element.parent
                return

    def handle_data(self, data: str) -> None:
        self._here.parts.append(data)


def obstacles(html: str) -> list[str]:
    """What keeps people out of a whole page, each as a sentence."""
    root = _Tree(html).root
    elements = [element for element in root.walk() if element.tag]
    ids: dict[str, Element] = {}
    found: list[str] = []
    for element in elements:
        id = element.given.get("id", "")
        if id and ids.setdefault(id, element) is not element:
            found.append(f"Two elements have the id “{id}”.")
    labels: dict[str, list[Element]] = {}
    for element in elements:
        if element.tag == "label" and "for" in element.given:
            labels.setdefault(element.given["for"], []).append(element)
    for element in elements:
        found += _of_names(element, ids, labels)
        found += _of_roles(element, ids)
        found += _of_order(element)
    found += _of_page(elements, ids, labels)
    return found


def _name(element: Element, ids: dict[str, Element], labels: dict[str, list[Element]]) -> str:
    """What a screen reader calls an element."""
    pointed = [ids[id].words(spoken=False) for id in element.given.get("aria-labelledby", "").split() if id in ids]
    around = [each for each in element.above() if each.tag == "label"][:1]
    told = [each.words() for each in (*labels.get(element.given.get("id", ""), ()), *around)]
    return " ".join([*pointed, element.given.get("aria-label", ""), *told, element.given.get("title", "")]).strip()


def _of_names(element: Element, ids: dict[str, Element], labels: dict[str, list[Element]]) -> Iterator[str]:
    """What has to be called something, and isn't."""
    tag, given, kind = element.tag, element.given, element.given.get("type", "text").lower()
    if any(each.given.get("aria-hidden") == "true" or "hidden" in each.given for each in (element, *element.above())):
        return
    name = _name(element, ids, labels)
    if tag == "input" and kind in ("button", "image"):
        if not (name or given.get("alt" if kind == "image" else "value", "").strip()):
            yield "A button has no words."
    elif tag in ("select", "textarea") or (tag == "input" and kind not in _SAY_THEMSELVES):
        if not name:
            what = kind if tag == "input" else tag
            yield f"The {what} input “{given.get('name') or given.get('id', '')}” has no label."
    elif tag in ("button", "summary") or (tag == "a" and "href" in given) or given.get("role") in _NAMED_ROLES:
        if not (name or element.words()):
            what = {"a": "link", "button": "button", "summary": "summary"}.get(tag, given.get("role", ""))
            yield f"A {what} has no words."
    elif tag == "img" and "alt" not in given and given.get("role") not in ("none", "presentation"):
        yield f"The picture {given.get('src', '')} has no text in its place."
    elif given.get("role") == "img" and not (name or [each for each in element.children if each.tag == "title"]):
        yield f"The drawing {element} has no text in its place."
    elif (tag == "iframe" and not name) or (tag == "object" and not (name or element.words())):
        yield f"What {element} shows has no title."


def _of_roles(element: Element, ids: dict[str, Element]) -> Iterator[str]:
    """What is said for screen readers, and can't be understood."""
    given, roles = element.given, element.given.get("role", "").split()
    yield from (f"{element}: there is no role “{role}”." for role in roles if role not in ROLES)
    for role in roles[:1]:
        if (needed := NEEDED.get(role)) and needed not in given and element.tag != "input":
            yield f"{element} must say {needed}."
    for key, value in given.items():
        if key.startswith("aria-") and key not in ATTRIBUTES:
            yield f"{element}: there is no attribute {key}."
        elif key in TRUTHS and value not in ("true", "false", "undefined"):
            yield f"{element}: {key} must be true or false, not “{value}”."
        elif key in _POINTERS:
            yield from (f"{element}: {key} names “{id}”, which is not there." for id in value.split() if id not in ids)
    if given.get("aria-hidden") == "true" and any(_takes_focus(each) for each in element.walk()):
        yield f"{element} is hidden from screen readers, and a keyboard comes to something in it."


def _takes_focus(element: Element) -> bool:
    """Whether a keyboard comes to an element."""
    given = element.given
    if given.get("tabindex", "").startswith("-") or "disabled" in given or given.get("type") == "hidden":
        return False
    return element.tag in ("button", "input", "select", "textarea", "summary", "body") or (
        (element.tag == "a" and "href" in given) or "tabindex" in given
    )


def _of_order(element: Element) -> Iterator[str]:
    """What stands where it doesn't belong."""
    tag, given = element.tag, element.given
    if tag in _CHILDREN and not given.get("role"):
        allowed = " and ".join(sorted(_CHILDREN[tag]))
        for odd in (each for each in element.children if each.tag not in _CHILDREN[tag] | _ANYWHERE):
            yield f"{odd} stands right in {element}, where only {allowed} may."
    if tag in _PARENTS and not given.get("role"):
        around = [each for each in element.above() if each.tag != "div" or tag == "li"]
        if not around or around[0].tag not in _PARENTS[tag]:
            yield f"{element} stands outside of a list."
    if tag in ("a", "button") and any(each.tag in ("a", "button") for each in element.above()):
        yield f"{element} stands inside of another link or button."
    if tag == "table" and given.get("role") not in ("none", "presentation"):
        inside = list(element.walk())
        headers = any(each.tag == "th" or "header" in each.given.get("role", "") for each in inside)
        if not headers and sum(each.tag == "tr" for each in inside) > 1:
            yield "A table has no headers."
    if tag == "th" and given.get("scope", "col") not in ("col", "row", "colgroup", "rowgroup"):
        yield f"{element}: scope must be col or row, not “{given['scope']}”."
    if given.get("tabindex", "").isdigit() and int(given["tabindex"]) > 0:
        yield f"{element} has tabindex {given['tabindex']}, so a keyboard jumps to it out of turn."
    if tag in ("marquee", "blink"):
        yield f"<{tag}> moves and can't be stopped."
    if _HEADING.fullmatch(tag) and not element.words():
        yield f"A heading of level {tag[1]} has no words."
    if "lang" in given and tag != "html" and not _LANGUAGE.fullmatch(given["lang"]):
        yield f"{element}: “{given['lang']}” is no language."


def _of_page(elements: list[Element], ids: dict[str, Element], labels: dict[str, list[Element]]) -> Iterator[str]:
    """What the page as a whole lacks."""
    html = next((each for each in elements if each.tag == "html"), None)
    language = html.given.get("lang", "") if html is not None else ""
    if not language:
        yield "The page doesn't say its language."
    elif not _LANGUAGE.fullmatch(language):
        yield f"The page says that its language is “{language}”, which is none."
    drawn = [each for each in elements if not any(around.tag == "svg" for around in each.above())]
    if not any(each.tag == "title" and each.words(spoken=False) for each in drawn):
        yield "The page has no title."
    if not any(each.tag == "main" or each.given.get("role") == "main" for each in elements):
        yield "The page has no main part."
    headings = [int(each.tag[1]) for each in elements if _HEADING.fullmatch(each.tag)]
    if headings.count(1) != 1:
        yield f"The page has {headings.count(1)} headings of the first level instead of one."
    for before, after in pairwise(headings):
        if after > before + 1:
            yield f"A heading of level {after} follows one of level {before}."
    yield from (f"A label is for “{id}”, which is not there." for id in labels if id not in ids)
    for meta in (each.given for each in elements if each.tag == "meta"):
        content = meta.get("content", "").replace(" ", "")
        if meta.get("name") == "viewport" and re.search(r"user-scalable=(no|0)|maximum-scale=[01](\D|$)", content):
            yield "The page can't be made larger."
        if meta.get("http-equiv", "").lower() == "refresh" and not content.startswith("0;"):
            yield "The page goes away by itself."
