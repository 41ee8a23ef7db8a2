"""What plugins cost: switching them, building the application anew, and asking their hooks."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.making import CONTACT
from tests.bench.making import Visitor
from tests.bench.making import new_town
from tests.bench.measuring import Cost
from tests.bench.measuring import cost
from tests.bench.measuring import heading

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db import meta
from townhall.lifecycle import switching
from townhall.town import Town
from townhall.wsgi import TownApplication

#: Types of each plugin that is made up here, and fields of each type.
TYPES = 5
FIELDS = 12
PANELS = 10
MANY = 40
REBUILDS = 100
_PANEL = """
from townhall import Panel, PanelRow, for_types, hookimpl


@hookimpl
@for_types("core.contact")
def record_panels(record):
    return [Panel("Panel of {name}", [PanelRow(record.title, note="a line")])]
"""


def plugin_costs(town: Town, instance: Path, folder: Path) -> None:
    """Print everything; ``town`` has the contacts, in ``instance``."""
    heading(f"Plugins: switching one of {TYPES} types in a town with contacts, seconds")
    lay_out(instance, "bench_one")
    line("switch it on, tables and all", timed(lambda: switching.enable(town, system("cli"), "bench_one")))
    line("switch it off", timed(lambda: switching.disable(town, system("cli"), "bench_one")))
    line("switch it on again", timed(lambda: switching.enable(town, system("cli"), "bench_one")))
    _guards(town)
    heading("Plugins: building everything anew after a switch, seconds")
    small = new_town(folder / "few")
    line("with the 4 that are shipped", _rebuild(small))
    _memory(small)
    small.close()
    many = new_town(folder / "many")
    names = [f"bench_{number}" for number in range(MANY - 4)]
    for name in names:
        lay_out(folder / "many", name)
    switching.enable_all(many, system("cli"), names)
    line(f"with {MANY}, {len(many.schemas)} types", _rebuild(many))
    many.close()
    _panels(folder / "panels")


def lay_out(instance: Path, name: str, code: str = "") -> None:
    """A made-up plugin in an instance's folder."""
    folder = instance / "plugins" / name
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    manifest = f'name = "{name}"\ntitle = "{name}"\nversion = "1.0.0"\napi = ">=1,<2"\n'
    (folder / "plugin.toml").write_text(manifest, encoding="utf-8")
    fields = "".join(f'[fields.field_{number}]\ntype = "text"\nsearch = true\n' for number in range(FIELDS))
    for number in range(TYPES if not code else 1):
        text = f'[type]\nname = "thing_{number}"\ntitle = "{{label}}"\n[fields.label]\ntype = "text"\n'
        link = '[fields.who]\ntype = "link"\nto = "core.contact"\n'
        (folder / "schemas" / f"thing_{number}.toml").write_text(text + link + fields, encoding="utf-8")
    if code:
        (folder / "__init__.py").write_text(code, encoding="utf-8")


def timed(action: Callable[[], object]) -> Cost:
    """What doing it once takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    action()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


def line(name: str, spent: Cost, aim: str = "") -> None:
    """A line whose first figure is seconds of CPU."""
    print(f"{spent.cpu:9.3f}  {name:<46} {spent.wall:9.3f} s wall   {aim}".rstrip(), flush=True)


def _rebuild(town: Town) -> Cost:
    """The fastest of three times that a town and its application are made anew."""
    made = [timed(lambda: TownApplication(town.renewed())) for _ in range(3)]
    return min(made, key=lambda each: each.cpu)


def _memory(town: Town) -> None:
    """Memory of the process over many rebuilds of one application, as switching makes them."""
    application = TownApplication(town)
    sizes = []
    for number in range(REBUILDS):
        meta.bump_generation(town.system)
        list(application(_request(), lambda status, headers, info=None: lambda data: None))
        if number + 1 in (REBUILDS // 2, REBUILDS):
            gc.collect()
            sizes.append(_megabytes())
    half, whole = sizes
    held = f"{half:.1f} MB, then {whole:.1f}"
    print(f"{whole / half:9.3f}  {'times the memory, 100 rebuilds against 50':<46} {held:>18}   aim: flat", flush=True)


def _request() -> dict[str, object]:
    from werkzeug.test import create_environ

    return dict(create_environ("/", "http://localhost"))


def _megabytes() -> float:
    """Memory that the process holds now; of Linux only, and 0 elsewhere."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return 0.0
    import os

    pages = int(status.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _guards(town: Town) -> None:
    """What asking a hook costs that nobody implements, and one that a plugin does."""
    heading("Plugins: one guarded call, microseconds")
    actor = Actor("staff", "Erin Clerk", 1, frozenset({"*"}), door="admin")
    contact = town.records.find(system("cli"), CONTACT, limit=1, fields=()).records[0]
    _call("nobody implements it", lambda: town.plugins.record_panels(actor, contact), "aim: 2")
    given = ("economic_development.business", "industry", "industry", {"naics": "722511"})
    _call("one plugin implements it", lambda: town.plugins.compute_field(*given), "")


def _call(name: str, action: Callable[[], object], aim: str) -> None:
    runs = 20_000

    def many() -> None:
        for _ in range(runs):
            action()

    spent = cost(many, runs=5)
    print(f"{spent.cpu / runs * 1e6:9.2f}  {name:<46}                    {aim}".rstrip(), flush=True)


def _panels(folder: Path) -> None:
    """A contact's page with ten plugins that add a panel, and with the same ten that don't."""
    heading(f"Plugins: a contact's page with {PANELS} plugins, as ratio to the page without their panels")
    costs = {}
    for name, code in (("without their panels", "#\n"), (f"with {PANELS} panels", _PANEL)):
        place = folder / name.partition(" ")[0]
        town = new_town(place)
        names = [f"panel_{number}" for number in range(PANELS)]
        for each in names:
            lay_out(place, each, code.replace("{name}", each))
        switching.enable_all(town, system("cli"), names)
        contact = town.records.create(system("cli"), CONTACT, {"kind": "person", "family_name": "Nowak"})
        clerk = Visitor(town)
        costs[name] = cost(lambda clerk=clerk, id=contact.id: clerk.get(f"/admin/core/contact/{id}/"))  # type: ignore[misc]
        town.close()
    bare = costs["without their panels"]
    for name, spent in costs.items():
        print(
            f"{spent.cpu / bare.cpu:9.2f} x  {name:<46} {spent.cpu * 1000:6.2f} ms CPU   aim: 1.10".rstrip(), flush=True
        )
