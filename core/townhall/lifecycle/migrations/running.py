"""Running the migrations of one plugin, in the transaction that its upgrade is."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from types import ModuleType

from townhall.db import ledger
from townhall.errors import PluginError
from townhall.errors import TownhallError
from townhall.lifecycle.migrations.files import File
from townhall.lifecycle.migrations.files import Script
from townhall.lifecycle.migrations.files import Step
from townhall.lifecycle.migrations.plans import Plan
from townhall.lifecycle.migrations.scene import Scene
from townhall.lifecycle.migrations.verbs import Migration
from townhall_forms.errors import FormsError

log = logging.getLogger("townhall.upgrading")


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done: an addition, or a migration with the name of its file."""

    plugin: str
    what: str
    file: str = ""
    rows: int = 0
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        """It in words, for a line of the command line."""
        return f"{self.plugin}: {self.file}: {self.what}" if self.file else self.what


def run(scene: Scene, plan: Plan, scripts: Mapping[str, Script]) -> list[Done]:
    """Run all that waits, in order, and write each file down. ``scripts`` are the TOML files among them.

    Raises :class:`~townhall.errors.PluginError`; then the transaction is to be rolled back.
    """
    migrating = Migration(scene)
    done: list[Done] = []
    for place, file in enumerate(plan.waiting):
        start, before = perf_counter(), scene.rows
        scene.file, scene.effects = file.name, []
        later = [step for each in plan.waiting[place + 1 :] for step in (_steps(scripts, each))]
        script = scripts.get(file.name)
        if script is None:
            scene.shapes.upcoming = later
            _run_code(scene, migrating, file)
            what = "Ran its code."
        else:
            for number, step in enumerate(script.steps, 1):
                scene.shapes.upcoming = [*script.steps[number:], *later]
                with _at(f"{file.name}: step {number}, {step.verb}"):
                    migrating.run(step)
            what = script.description or " ".join(step.sentence for step in script.steps)
        ledger.write_migration(scene.system, plan.plugin, plan.version, file.name, file.checksum, what, scene.effects)
        done.append(Done(plan.plugin, what, file.name, scene.rows - before, perf_counter() - start))
    return done


def _steps(scripts: Mapping[str, Script], file: File) -> Sequence[Step]:
    script = scripts.get(file.name)
    return script.steps if script is not None else ()


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Say where in the files something went wrong."""
    try:
        yield
    except (TownhallError, FormsError) as error:
        raise PluginError(f"{place}: {error}") from error


def _run_code(scene: Scene, migrating: Migration, file: File) -> None:
    """Run a Python file on its own; it may fail in any way, but not end the transaction."""
    depth = scene.database.transaction_depth()
    plugin = scene.shapes.plugin
    name = f"townhall_migration_{plugin}_{file.path.stem}"
    module = ModuleType(name)
    module.__file__ = str(file.path)
    sys.modules[name] = module
    try:
        # The text that the ledger will know by its checksum, and no compiled file that may be older.
        exec(compile(file.text, str(file.path), "exec"), module.__dict__)  # noqa: S102  # a plugin is trusted code
        migrate = getattr(module, "migrate", None)
        if not callable(migrate):
            raise PluginError("it has no function migrate(step).")
        migrate(migrating)
    except (TownhallError, FormsError) as error:
        raise PluginError(f"{file.name}: {error}") from error
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | MemoryError):
            raise
        log.exception("The migration %s of %s failed", file.name, plugin)
        raise PluginError(f"{file.name}: {type(error).__name__}: {error}.") from error
    finally:
        sys.modules.pop(name, None)
    if not scene.is_whole() or scene.database.transaction_depth() != depth:
        raise PluginError(f"{file.name}: it has ended the transaction, which is not a migration's to end.")
