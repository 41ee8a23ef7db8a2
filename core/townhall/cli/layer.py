"""``townhall layer``: the town's own fields, labels, order and choices, as a file and in versions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.lifecycle import layer_review
from townhall.lifecycle import town_layer
from townhall.lifecycle.layer_review import Review
from townhall.town import Town
from townhall_forms.layer import read_layer
from townhall_forms.layer import write_layer


@click.group()
def layer() -> None:
    """The town's own layer over the schemas: its fields, labels, order and choices."""


@layer.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool) -> None:
    """Show which types the town changed, what doesn't fit any more, and whether a draft waits."""
    with open_town() as town:
        now = town_layer.standing(town.system)
        conflicts = [
            {"part": conflict.key, "message": conflict.message, "decided": conflict not in town_layer.urgent(town)}
            for conflict in town.layer_conflicts
        ]
        types = {identity: sorted(town.layer.own_fields(identity)) for identity in town.layer.types}
    draft = now.draft
    if as_json:
        by = draft.by if draft is not None else None
        print_json({"version": now.version, "types": types, "conflicts": conflicts, "draft_by": by})
        return
    click.echo(f"Version {now.version} counts." if now.version else "Nothing is published yet.")
    if draft is not None:
        click.echo(f"A draft waits to be published; {draft.by} changed it last.")
    if types:
        click.echo("")
        print_table(("TYPE", "OWN FIELDS"), [(identity, ", ".join(own) or "–") for identity, own in types.items()])
    for conflict in conflicts:
        click.echo(f"\n{conflict['part']}: {conflict['message']}")


@layer.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option("--draft", is_flag=True, help="The draft instead of what is published.")
def export(output: Path | None, draft: bool) -> None:
    """Write the layer as TOML, to standard output or a file."""
    with open_town() as town:
        now = town_layer.standing(town.system)
    if draft and now.draft is None:
        raise NotFound("There is no draft. townhall layer export writes what is published.")
    step = now.draft if draft else now.published
    text = step.text if step is not None else ""
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"Written to {output}.")


@layer.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--note", default="", help="Why; it stands in the list of versions.")
def import_layer(file: Path, dry_run: bool, yes: bool, note: str) -> None:
    """Publish the layer in FILE in place of the present one. What it changes is said first.

    Parts that don't fit this town are kept and wait, like after an upgrade.
    """
    try:
        given = read_layer(file.read_text(encoding="utf-8-sig"), str(file))
    except UnicodeDecodeError as error:
        raise Rejected(f"{file}: this is no text in UTF-8.") from error
    with open_town() as town:
        now = _without_draft(town)
        same = now.published is not None and now.published.text == write_layer(given)
        review = layer_review.review(town, given)
        _tell(review, "Nothing: the file says what is published." if same else "Nothing that anybody would see.")
        if review.refused:
            raise Rejected("\n".join(review.refused))
        if dry_run or same:
            return
        if not yes:
            click.confirm("Publish this?", abort=True)
        number = layer_review.publish(town, operator(), given, follows=now.head, note=note or file.name, may_wait=True)
    click.echo(f"Published as version {number}. A running server follows by itself.")


@layer.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def history(as_json: bool) -> None:
    """List every version that was published, the last first."""
    with open_town() as town:
        steps = town_layer.history(town.system)
        zone = town.zone
    if as_json:
        print_json([{"version": s.version, "at": s.at.isoformat(), "by": s.by, "note": s.note} for s in steps])
        return
    rows = [(str(s.version), f"{s.at.astimezone(zone):%Y-%m-%d %H:%M}", s.by, s.note) for s in steps]
    print_table(("VERSION", "PUBLISHED", "BY", "WHY"), rows)


@layer.command()
@click.argument("number", type=int, required=False, metavar="[VERSION]")
@click.option("--yes", is_flag=True, help="Don't ask.")
def undo(number: int | None, yes: bool) -> None:
    """Make an earlier VERSION count again, as a new one; without it, the one before the last. 0 is all as shipped."""
    with open_town() as town:
        now = _without_draft(town)
        wanted = number if number is not None else now.version - 1
        if now.version == 0:
            raise NotFound("Nothing is published yet, so there is nothing to go back to.")
        _tell(layer_review.review(town, town_layer.version(town.system, wanted)), "Nothing that anybody would see.")
        if not yes:
            click.confirm(f"Make version {wanted} count again?", abort=True)
        new = layer_review.restore(town, operator(), wanted, follows=now.head)
    click.echo(f"Version {wanted} counts again, as version {new}.")


def _without_draft(town: Town) -> town_layer.Standing:
    now = town_layer.standing(town.system)
    if now.draft is not None:
        raise Rejected(
            f"A draft by {now.draft.by} waits to be published. Publish or discard it on the page Fields and labels "
            "first; townhall layer export --draft writes it to a file."
        )
    return now


def _tell(review: Review, nothing: str) -> None:
    """What a layer would change, in sentences."""
    for change in review.changes:
        click.echo(f"{change.label}:")
        _lines(change.sentences)
    if not review.changes:
        click.echo(nothing)
    if review.waiting:
        click.echo("What can't be applied, and waits:")
        _lines([str(conflict) for conflict in review.waiting])
    if review.asleep:
        click.echo(f"What it says about {', '.join(review.asleep)} counts once their plugin is on.")


def _lines(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        click.echo(f"  {sentence}")
