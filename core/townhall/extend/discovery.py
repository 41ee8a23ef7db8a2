"""Which plugins there are: found by their manifests, without running any of their code.

A plugin is installed as a package with an entry point in the group ``townhall``, lies as a folder in the instance's
``plugins`` folder, or was uploaded (:mod:`townhall.extend.uploads`). Either way it has a ``plugin.toml``; schemas and
code are optional.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from importlib.metadata import EntryPoints
from importlib.metadata import PackageNotFoundError
from importlib.metadata import distribution
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from townhall.errors import PluginError
from townhall.extend import uploads
from townhall.extend.manifest import FILE_NAME
from townhall.extend.manifest import Manifest
from townhall.extend.manifest import read_manifest

#: Group of entry points that packages use to offer a plugin.
GROUP = "townhall"
#: Name of the distribution that Townhall itself is installed from.
DISTRIBUTION = "townhall"


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that is there. ``problem`` says why it can't be used, when its manifest is wrong.

    ``module`` is the import name of a packaged plugin; a folder of the instance has none. A ``shipped`` one comes with
    Townhall itself.
    """

    name: str
    folder: Path
    manifest: Manifest | None
    module: str = ""
    problem: str = ""
    shipped: bool = False

    @property
    def title(self) -> str:
        """What to call it on screen."""
        return self.manifest.title if self.manifest else self.name

    @property
    def version(self) -> str:
        """Its version; empty when the manifest can't be read."""
        return self.manifest.version if self.manifest else ""


def discover(instance: Path) -> Mapping[str, Found]:
    """Every plugin that is installed or lies in the instance, by name, in alphabetical order.

    A name that is there twice is used from the package; the folder is told as a problem under ``name (folder)``.
    """
    found: dict[str, Found] = {}
    for plugin in (*_packaged(), *_folders(instance / "plugins"), *_folders(instance / uploads.FOLDER)):
        if plugin.name not in found:
            found[plugin.name] = plugin
        else:
            name = f"{plugin.name} ({plugin.folder})"
            problem = f"{plugin.folder}: there is already a plugin called {plugin.name}; rename or remove one of them."
            found[name] = Found(name, plugin.folder, None, plugin.module, problem)
    return dict(sorted(found.items()))


def _packaged() -> Iterator[Found]:
    own = {(point.name, point.value) for point in _shipped()}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        module = point.value.partition(":")[0]
        # Finding a submodule would import its parents, so only the top is looked up.
        top, *below = module.split(".")
        try:
            spec = find_spec(top)
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # whatever somebody else's import hook does
            yield Found(point.name, Path(), None, module, f"{point.name}: its package can't be found: {error}.")
            continue
        locations = list(spec.submodule_search_locations or ()) if spec else []
        if not locations:
            problem = f"{point.name}: its package {module} is not there; install it again or remove it."
            yield Found(point.name, Path(), None, module, problem)
            continue
        shipped = (point.name, point.value) in own
        yield replace(_read(point.name, Path(locations[0], *below), module), shipped=shipped)


def _shipped() -> EntryPoints | tuple[()]:
    """The entry points of Townhall's own distribution: to ask each for its own would read the whole of its metadata."""
    try:
        return distribution(DISTRIBUTION).entry_points
    except PackageNotFoundError:
        return ()


def _folders(plugins: Path) -> Iterator[Found]:
    if not plugins.is_dir():
        return
    for folder in sorted(plugins.iterdir()):
        if folder.is_dir() and not folder.name.startswith((".", "_")):
            yield _read(folder.name, folder, "")


def _read(name: str, folder: Path, module: str) -> Found:
    try:
        manifest = read_manifest(folder / FILE_NAME)
    except PluginError as error:
        return Found(name, folder, None, module, str(error))
    except Exception as error:  # whatever nobody thought of: a file nested a thousand deep, for example
        return Found(name, folder, None, module, f"{folder / FILE_NAME}: can't be read: {type(error).__name__}.")
    if manifest.name != name:
        kind = "entry point" if module else "folder"
        problem = f"{folder / FILE_NAME}: name: {manifest.name!r} must be the same as its {kind}, {name!r}."
        return Found(name, folder, None, module, problem)
    return Found(name, folder, manifest, module)
