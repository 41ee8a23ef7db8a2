"""What journeys in a real browser need: a served town, signing in, and the accessibility check."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from playwright.sync_api import Page
from waitress.wasyncore import close_all

from townhall.cli.serving import make_server
from townhall.town import Town
from townhall.wsgi import TownApplication

if TYPE_CHECKING:
    from waitress.server import BaseWSGIServer

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
PASSWORD = "correct horse battery staple"
#: Milliseconds for what a page should do: it does so at once, unless the machine is very busy, and nobody waits longer.
PATIENCE = 60_000


@dataclass(frozen=True)
class Served:
    """A town that answers on ``url``."""

    town: Town
    url: str


def serve(town: Town) -> Iterator[Served]:
    """Serve a town as ``townhall serve`` does, on a free port of this machine, until the generator is closed."""
    with running(make_server(TownApplication(town), socket.create_server(("127.0.0.1", 0)))) as url:
        yield Served(town, url)


@contextmanager
def running(server: BaseWSGIServer) -> Iterator[str]:
    """Let a server answer in a thread of its own until the block ends; the address on which it does."""
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        # It runs as long as anybody is connected, and browsers stay so; its own thread alone may hang up on them.
        server.trigger.pull_trigger(partial(close_all, server._map))
        thread.join()
        server.task_dispatcher.shutdown()


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Sign a member of staff in through the sign-in page."""
    page.goto("/admin/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def accessibility_violations(page: Page) -> list[str]:
    """WCAG 2.1 A and AA violations that axe-core finds on the page, one line each; needs JavaScript.

    Contrast takes four fifths of the time, and depends on the colour of the letters, on what they stand on and on how
    large they are, which hundreds of places on a hundred pages have in common. So axe measures it where it has not
    passed the same before, and wherever it isn't plain what the letters stand on.
    """
    if evaluate(page, "typeof axe") == "undefined":
        evaluate(page, axe())
    found, passed = evaluate(page, _VIOLATIONS, {"tags": WCAG, "known": sorted(_PASSED)})
    _PASSED.update(passed)
    return list(found)


#: Letters on their ground in a size that axe has found to have enough contrast.
_PASSED: set[str] = set()
#: What is fine is left in the browser: telling of it takes as long as a good part of the rules.
_VIOLATIONS = """async ({tags, known}) => {
    const passed = new Set(known), clear = 'rgba(0, 0, 0, 0)';
    const written = (element) => element.matches('input, select, textarea') ||
        [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    // Letters, their size, and the colours below them as far as the first that covers all; nothing where another thing
    // could be below, as with what is moved from its place, stands out of its ground, or lets something shine through.
    const contrast = (element, box) => {
        const own = getComputedStyle(element), size = parseFloat(own.fontSize);
        const told = [own.color, size >= 24 || (size >= 18.5 && own.fontWeight >= 700)];
        if (own.textShadow !== 'none' || own.webkitTextFillColor !== own.color) return '';
        let covered = false;
        for (let each = element; each; each = each.parentElement) {
            const style = getComputedStyle(each);
            const plain = style.opacity === '1' && style.filter === 'none' && style.mixBlendMode === 'normal' &&
                style.backgroundImage === 'none' && style.backgroundClip === 'border-box';
            if (!plain) return '';
            if (covered) continue;
            const around = each.getBoundingClientRect();
            covered = /^rgb\\(/.test(style.backgroundColor);
            if (style.backgroundColor !== clear) {
                const inside = box.left >= around.left - 1 && box.right <= around.right + 1 &&
                    box.top >= around.top - 1 && box.bottom <= around.bottom + 1;
                if (!inside || style.borderRadius.includes('%')) return '';
                told.push(style.backgroundColor);
            }
            const still = (style.position === 'static' || style.position === 'relative' && style.zIndex === 'auto' &&
                [style.top, style.left].every((offset) => ['auto', '0px'].includes(offset))) &&
                style.transform === 'none' && style.float === 'none' && ![style.marginTop, style.marginRight,
                style.marginBottom, style.marginLeft].some((margin) => margin.startsWith('-'));
            if (!covered && !still) return '';
        }
        return covered ? told.join() : '';
    };
    const kinds = new Map(), measured = [];
    for (const element of document.querySelectorAll('body, body *')) {
        if (!element.checkVisibility({visibilityProperty: true}) || !written(element)) continue;
        const box = element.getBoundingClientRect();
        if (box.width <= 1 || box.height <= 1) continue;  // for screen readers: nobody sees it, and axe doesn't either
        const kind = contrast(element, box);
        kinds.set(element, kind);
        if (!passed.has(kind)) measured.push(element);
    }
    const told = await axe.run(document, {
        runOnly: {type: 'tag', values: tags},
        rules: {'color-contrast': {enabled: false}},
        resultTypes: ['violations'],
        preload: {assets: ['media']},  // no rule of these reads stylesheets, which it would ask the town for again
    });
    const violations = told.violations;
    if (measured.length) {
        const options = {runOnly: ['color-contrast'], resultTypes: ['violations', 'passes'], elementRef: true};
        const again = await axe.run({include: measured}, options);
        violations.push(...again.violations);
        for (const rule of again.passes) for (const node of rule.nodes) passed.add(kinds.get(node.element) || '');
        // Where the same is told of in another place, it has not passed.
        for (const rule of again.violations) for (const node of rule.nodes) passed.delete(kinds.get(node.element));
        passed.delete('');
    }
    return [violations.flatMap((violation) =>
        violation.nodes.map((node) => `${violation.id}: ${violation.help} at ${node.target}`)), [...passed]];
}"""


@cache
def axe() -> str:
    """axe-core, for a window in which every page is looked at: to send it there again for each takes time."""
    import axe_playwright_python

    script = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js"))
    return script.read_text(encoding="utf-8")


def has_no_sideways_scroll(page: Page) -> bool:
    """Whether the page fits its window's width."""
    return bool(evaluate(page, "document.documentElement.scrollWidth <= window.innerWidth"))


def evaluate(page: Page, script: str, argument: Any = None) -> Any:
    """What ``script`` says of the page that is there once it is loaded.

    A click returns when the next page begins to come in; until it is there, it may have no document at all.
    """
    page.wait_for_load_state("load")
    return page.evaluate(script, argument)
