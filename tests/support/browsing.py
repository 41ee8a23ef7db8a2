"""What journeys in a real browser need: a served town, signing in, and the accessibility check."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from werkzeug.serving import make_server

from townhall.town import Town
from townhall.wsgi import TownApplication

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
    """Serve a town on a free port of this machine until the generator is closed."""
    server = make_server("127.0.0.1", 0, TownApplication(town), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Served(town, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Sign a member of staff in through the sign-in page."""
    page.goto("/admin/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def accessibility_violations(page: Page) -> list[str]:
    """WCAG 2.1 A and AA violations that axe-core finds on the page, one line each; needs JavaScript.

    Contrast takes four fifths of the time, and depends on colours and size alone. So when the same document is looked
    at again, in another window, it is measured where something came to be seen, or looks otherwise than before.
    """
    if evaluate(page, "typeof axe") == "undefined":
        evaluate(page, _axe())
    found: list[str] = evaluate(page, _VIOLATIONS, WCAG)
    return found


#: What is fine is left in the browser: telling of it takes as long as a good part of the rules.
_VIOLATIONS = """async (tags) => {
    const look = (element) => {
        const style = getComputedStyle(element);
        if (!element.getClientRects().length || style.visibility !== 'visible') return '';
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.5 && style.fontWeight >= 700);
        const place = style.position === 'static' ? '' : [style.position, style.left, style.top, style.zIndex];
        return [style.color, style.backgroundColor, style.backgroundImage, style.opacity, style.textShadow,
                style.clip, style.clipPath, style.filter, style.textIndent, style.transform, large, place].join();
    };
    const before = window.axeLooks, now = new Map();
    for (const element of document.querySelectorAll('*')) now.set(element, look(element));
    window.axeLooks = now;
    const told = await axe.run(document, {
        runOnly: {type: 'tag', values: tags},
        rules: {'color-contrast': {enabled: !before}},
        resultTypes: ['violations'],
    });
    const changed = before ? [...now].filter(([element, shown]) => shown && shown !== before.get(element)) : [];
    const violations = told.violations;
    if (changed.length) {
        const include = changed.map(([element]) => element);
        const again = await axe.run({include}, {runOnly: ['color-contrast'], resultTypes: ['violations']});
        violations.push(...again.violations);
    }
    return violations.flatMap((violation) =>
        violation.nodes.map((node) => `${violation.id}: ${violation.help} at ${node.target}`));
}"""


@cache
def _axe() -> str:
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
