"""Reference pages that are written from the code: ``python -m townhall.reference [FOLDER]``.

Settings, commands, hooks, errors, the manifest and the testing kit are each declared once, in code; the pages can't
part from them because a test compares.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import click

from townhall import config
from townhall import errors
from townhall import hookspecs
from townhall.access.permissions import SCOPE_LABELS
from townhall.access.permissions import SCOPE_MEANINGS
from townhall.access.permissions import SCOPED
from townhall.access.permissions import SCOPES
from townhall.access.permissions import TOWN_PERMISSIONS
from townhall.access.permissions import VERB_LABELS
from townhall.access.permissions import VERBS
from townhall.access.permissions import narrowed
from townhall.access.roles import ROLES
from townhall.extend import icons
from townhall.extend import manifest
from townhall.lifecycle.migrations import vocabulary
from townhall.lifecycle.migrations.verbs import Migration
from townhall_forms.layer_reference import layer_page

GENERATED = "<!-- Written by `make docs` from the code; change it there. -->\n"


def settings_page() -> str:
    """The reference of settings."""
    lines = [
        "# Settings",
        "",
        GENERATED,
        "A town's settings stand in `townhall.toml` in its instance folder. An environment variable of the name in the",
        "last column goes before the file. An unknown setting or a value that can't be is said at start, with its file",
        "and its key. `TOWNHALL_INSTANCE` names the instance folder; `TOWNHALL_ADMIN_PASSWORD` is the first password",
        "for `townhall init`.",
        "",
    ]
    for section in config.SECTIONS:
        lines += [f"## `[{section}]`", "", "| setting | default | meaning | variable |", "|---|---|---|---|"]
        lines += [
            f"| `{setting.key}` | `{json.dumps(setting.default)}` | {setting.meaning} | `{setting.variable}` |"
            for setting in config.SETTINGS.values()
            if setting.section == section
        ]
        lines.append("")
    lines += ["A plugin's own settings stand in `[plugins.NAME]`; its manifest says which there are.", ""]
    return "\n".join(lines)


def commands_page(group: click.Group) -> str:
    """The reference of the command line."""
    lines = [
        "# Commands",
        "",
        GENERATED,
        "Every command works without a terminal. Exit codes: 0 done, 1 failed, 2 wrong usage. Errors are one plain",
        "sentence on standard error.",
        "",
    ]
    for name, command in _commands(group, "townhall"):
        usage = " ".join(
            parameter.make_metavar(click.Context(command))
            for parameter in command.params
            if isinstance(parameter, click.Argument)
        )
        lines += [f"## `{f'{name} {usage}'.strip()}`", "", inspect.cleandoc(command.help or ""), ""]
        options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        if options:
            lines += ["| option | meaning |", "|---|---|"]
            lines += [f"| `{', '.join(option.opts)}` | {option.help or ''} |" for option in options]
            lines.append("")
    lines += ["## Options of `townhall` itself", "", "| option | meaning |", "|---|---|"]
    lines += [
        f"| `{', '.join(option.opts)}` | {option.help or ''} |"
        for option in group.params
        if isinstance(option, click.Option)
    ]
    return "\n".join([*lines, ""])


def _commands(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    for name in sorted(group.commands):
        command = group.commands[name]
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def hooks_page() -> str:
    """The reference of hooks."""
    lines = ["# Hooks", "", GENERATED, inspect.cleandoc(hookspecs.__doc__ or ""), ""]
    lines += ["The examples are about a plugin `pets` with a type `licence`.", ""]
    for name, function in vars(hookspecs).items():
        if not inspect.isfunction(function) or not hasattr(function, "townhall_spec"):
            continue
        declared = hookspecs.KINDS[name]
        kind = f"{'decides' if declared.decides else 'reacts'}, and may take {declared.seconds:g} seconds"
        since = f"Since version {declared.since} of the plugin API."
        arguments = ", ".join(inspect.signature(function).parameters)
        lines += [f"## `{name}({arguments})`", "", f"*It {kind}. {since}*", ""]
        lines += [f"**It will go away.** {declared.goes}", ""] if declared.goes else []
        told, _, example = inspect.cleandoc(function.__doc__ or "").partition("\n\nFor example::\n\n")
        lines += [_plain(told), "", "```python", dedent(example), "```", ""]
    return "\n".join(lines)


def errors_page() -> str:
    """The reference of errors."""
    lines = [
        "# Errors",
        "",
        GENERATED,
        "Everything that Townhall raises on purpose. The message of each is one plain sentence that may be shown to a",
        "person.",
        "",
        "| error | raised when |",
        "|---|---|",
    ]
    for name, value in vars(errors).items():
        if inspect.isclass(value) and issubclass(value, Exception):
            lines.append(f"| `{name}` | {_plain(' '.join((value.__doc__ or '').split()))} |")
    return "\n".join([*lines, ""])


def manifest_page() -> str:
    """The reference of ``plugin.toml``."""
    lines = [
        "# The manifest, `plugin.toml`",
        "",
        GENERATED,
        "A plugin is a folder with this file and a folder `schemas`. Townhall reads both without running any of its",
        "code. An unknown key is a mistake, reported with its file and “did you mean”.",
        "",
        f"This Townhall offers version {manifest.API_VERSION} of the plugin API. Needed are: "
        + ", ".join(f"`{key}`" for key in manifest.REQUIRED)
        + ".",
        "",
        "| key | meaning |",
        "|---|---|",
        *(f"| `{key}` | {meaning} |" for key, meaning in manifest.KEYS.items()),
        "",
        "`[settings.KEY]` takes "
        + ", ".join(f"`{key}`" for key in manifest.SETTING_KEYS)
        + "; types are "
        + ", ".join(f"`{name}`" for name in manifest.SETTING_TYPES)
        + ".",
        "`[navigation]` takes " + ", ".join(f"`{key}`" for key in manifest.NAVIGATION_KEYS) + ".",
        "",
        "`[permissions]` says what the plugin's code asks for besides the permissions on its types: under",
        '`call_out = "Call the standby team"` of a plugin `pets` it asks `actor.may("pets.call_out")`,',
        "and whoever makes [roles](permissions.md) finds it there to grant.",
        "",
        "## `[jobs.NAME]`",
        "",
        "A job is a function of the plugin's code that Townhall calls again and again, each slot once however many",
        "processes serve the town. [How jobs work](../how-to/jobs.md) says what it may rely on.",
        "",
        "| key | meaning |",
        "|---|---|",
        *(f"| `{key}` | {meaning} |" for key, meaning in manifest.JOB_KEYS.items()),
        "",
        "## Icons",
        "",
        "A plugin, a type, a public form and a public list name one of these: "
        + ", ".join(f"`{name}`" for name in icons.names())
        + ".",
        "",
        "## The folders beside it",
        "",
        "| folder | what it holds |",
        "|---|---|",
        "| `schemas/` | one TOML file per type, in [the schema language](schema.md) |",
        "| `seeds/` | records that are made once, when the plugin is switched on for the first time: of its own types, "
        "and targets (`core.target`) for its kinds of case |",
        "| `migrations/` | what its upgrades do that adding alone can't: [migrations](migrations.md) |",
        "| `mappings/` | mapping files for `townhall import` |",
        "| `samples/` | a record of each type whose rules can't be guessed, for [tests](testing.md) |",
        "| `templates/`, `static/` | what the plugin's own pages need |",
        "",
    ]
    return "\n".join(lines)


def permissions_page() -> str:
    """The reference of permissions, scopes and the roles of a new town."""
    verbs = [(f"PLUGIN.TYPE.{verb}", VERB_LABELS[verb], verb in SCOPED) for verb in VERBS if verb != "transition"]
    moves = [
        ("PLUGIN.TYPE.transition.MOVE", "Make this move of a case", True),
        ("PLUGIN.TYPE.see.FIELD", "See this internal field, without the others", False),
        ("PLUGIN.NAME", "What a plugin's manifest declares under `[permissions]`", False),
    ]
    lines = [
        "# Permissions",
        "",
        GENERATED,
        "A role is a list of permissions ([how to make one](../how-to/roles.md)). In what a role holds, `*` stands for",
        "anything: `*.view` is to see every kind of record. A pattern that ends in a verb is about no move or field of",
        "that name, and fields are only ever granted by name. `townhall roles permissions` lists those of a town.",
        "",
        "## On records",
        "",
        "| permission | what it allows | may have a scope |",
        "|---|---|---|",
        *(f"| `{name}` | {label} | {'yes' if scoped else 'no'} |" for name, label, scoped in (*verbs, *moves)),
        "",
        "## Scopes",
        "",
        "Behind a permission stands for which records it is; each scope holds those before it.",
        "",
        "| scope | written | which records |",
        "|---|---|---|",
        *(
            f"| {SCOPE_LABELS[scope]} | `{narrowed('', scope) or 'nothing'}` | {SCOPE_MEANINGS[scope]} |"
            for scope in SCOPES
        ),
        "",
        "What the whole town is set up with (what stands under Set-up, such as queues, rules and categories) is added,",
        "changed, archived and restored only by who may do so with all of it: a narrower scope is for seeing",
        "it ([why](../how-to/roles.md#who-may-change-what-decides)).",
        "",
        "## On the town itself",
        "",
        "| permission | what it allows |",
        "|---|---|",
        *(f"| `{name}` | {label} |" for name, label in TOWN_PERMISSIONS.items()),
        "",
        "## Roles of a new town",
        "",
        "| role | what for | permissions |",
        "|---|---|---|",
        *(
            f"| `{role.name}` | {role.description} | {', '.join(f'`{each}`' for each in sorted(role.permissions))} |"
            for role in ROLES.values()
        ),
        "",
    ]
    return "\n".join(lines)


def migrations_page() -> str:
    """The reference of migrations."""
    lines = [
        "# Migrations",
        "",
        GENERATED,
        "What a schema adds (a type, a field, an index) comes into the tables by itself. Everything else is said by",
        "files in the plugin's folder `migrations`, which run once in the order of their names, all in one transaction",
        "with the additions. [How to change a schema](../how-to/change-a-schema.md) says when to write one.",
        "",
        "A file is called like `0002_fee_in_cents.toml`: four digits, small letters, digits and `_`, and `.toml` for",
        "steps or `.py` for code. Names that begin with `_` or `.` are left alone. An unknown key is a mistake,",
        "reported with its file and “did you mean”, all of them at once and before anything is done.",
        "",
        "## A file of steps",
        "",
        "```toml",
        'description = "Fees are kept in cents."',
        "",
        "[[steps]]",
        'rename_field = { type = "fee", from = "cost", to = "amount" }',
        "",
        "[[steps]]",
        'change_field = { type = "fee", field = "amount", multiply = 100 }',
        "```",
        "",
        "| key | meaning |",
        "|---|---|",
        *(f"| `{key}` | {meaning} |" for key, meaning in vocabulary.FILE_KEYS.items()),
        "",
    ]
    for verb, meaning in vocabulary.STEPS.items():
        lines += [f"### `{verb}`", "", meaning, "", "| key | meaning |", "|---|---|"]
        lines += [f"| `{key}` | {told} |" for key, told in vocabulary.STEP_KEYS[verb].items()]
        lines.append("")
    lines += [
        "## A file of code",
        "",
        "A Python file holds `migrate(step)`, which gets a `Migration`:",
        "",
        "```python",
        "from townhall import Migration",
        "",
        "",
        "def migrate(step: Migration) -> None:",
        '    for row in step.rows("person", "name"):',
        '        given, _, family = (row["name"] or "").rpartition(" ")',
        '        step.update("person", row.id, {"given_name": given, "family_name": family})',
        "```",
        "",
    ]
    for name, member in vars(Migration).items():
        if name.startswith("_") or name == "run":
            continue
        if isinstance(member, property):
            lines += [f"### `step.{name}`", ""]
        else:
            arguments = [str(each) for each in list(inspect.signature(member).parameters.values())[1:]]
            plain = ", ".join(argument.partition(":")[0] for argument in arguments)
            lines += [f"### `step.{name}({plain})`", ""]
        lines += [_plain(inspect.getdoc(member) or ""), ""]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A docstring's marks as Markdown's."""
    text = text.replace("``", "`").replace(":class:", "").replace(":meth:", "")
    text = re.sub(r"`~?townhall\.(?:\w+\.)*(\w+)`", r"`\1`", text)
    text = re.sub(r":param (\w+): ", r"- `\1`: ", text)
    return re.sub(r":raises ([\w.]+): ", r"- raises `\1` ", text.replace(":return: ", "- returns: "))


def testing_page() -> str:
    """The reference of the kit for testing a plugin: its fixtures, and what the check makes sure of."""
    from townhall.testing import conformance

    file = Path(__file__).parent / "testing" / "fixtures.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    fixtures = [
        f"| `{node.name}` | {_plain(' '.join((ast.get_docstring(node) or '').split()))} |"
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        if any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]
    lines = [
        "# Testing a plugin",
        "",
        GENERATED,
        "Townhall brings pytest fixtures for a plugin's own tests; pytest finds them by itself. Which plugins a town",
        "has on is said in the project's `pyproject.toml`, by the name of an installed one or the folder of another:",
        "",
        "```toml",
        "[tool.pytest.ini_options]",
        'townhall_plugins = ["potholes", "./allotments"]',
        "```",
        "",
        "| fixture | what it is |",
        "|---|---|",
        *fixtures,
        "",
        "Samples are found as a person would find them: what is asked for is filled in, and what is refused is mended.",
        "What can't be guessed stands in a file `samples/TYPE.toml` of the plugin, in the way of `seeds/`: samples",
        'start from its first record. `after = ["other"]` in it names types of which there has to be a record first,',
        "with the same links.",
        "",
        "`walk(town, types)` of `townhall.testing` looks for leaks as `townhall plugins check` does: it plants a value",
        "of its own in every field and opens every page as everybody who may come",
        "([who sees which field](../explanation/privacy.md#how-it-is-made-sure-of)). `walk(...).sentences()` is empty",
        "when nothing leaks; `kept_back` names values with which the hook `restrict` keeps a record from somebody.",
        "An id in an address is filled in; pages that it could not come to stand in `walk(...).unopened`.",
        "",
        "## What `townhall plugins check` makes sure of",
        "",
        "Manifest, names, icons and imports are read. Then the plugin is switched on in a town that is thrown away.",
        "",
        "| check | it makes sure that |",
        "|---|---|",
        *(f"| {name} | {label} |" for name, (label, _) in conformance.CHECKS.items()),
        "| upgrade | an upgrade from the version named with `--previous` keeps all records |",
        "",
        "*accessibility* reads the pages of its types and those of its own views that need nothing more in their",
        "address, as HTML: names of inputs, buttons, links, pictures and frames; headings, languages, lists and",
        "tables; roles and `aria-` attributes; ids; what a keyboard comes to and in which order; a page that",
        "can't be made larger. On pages with one mistake each it finds what axe-core finds, but for what needs a",
        "page that is drawn: contrast, links that only their colour tells from the text around them, the size of",
        "what is touched. Nor does it see a wrong `autocomplete`, empty corners of tables, roles that belong",
        "inside of others, keys given twice, or what a script does. Look at your own templates in a browser, at",
        "320 px, with axe-core and by keyboard.",
        "",
    ]
    return "\n".join(lines)


def pages() -> Mapping[str, Callable[[], str]]:
    """Every generated page, by file name."""
    from townhall.cli import main

    return {
        "settings.md": settings_page,
        "commands.md": lambda: commands_page(main),
        "hooks.md": hooks_page,
        "errors.md": errors_page,
        "manifest.md": manifest_page,
        "testing.md": testing_page,
        "layer.md": lambda: layer_page(GENERATED),
        "migrations.md": migrations_page,
        "permissions.md": permissions_page,
    }


def write(folder: Path) -> None:
    """Write all pages into ``folder``."""
    for name, make in pages().items():
        (folder / name).write_text(make(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
