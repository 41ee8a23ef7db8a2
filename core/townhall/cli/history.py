"""``townhall history``: sealing what happened, proving that nothing was changed, and anchors to keep elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import click

from townhall.cli.context import open_town
from townhall.cli.context import print_json
from townhall.db import history_guards
from townhall.db import ledger
from townhall.errors import TownhallError
from townhall.records import anchors
from townhall.records import sealing
from townhall.records import verifying
from townhall.records.instants import from_microseconds
from townhall.records.verdicts import Verdict


@click.group()
def history() -> None:
    """Seal the history of records, and prove that nothing in it was changed."""


@history.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def seal(as_json: bool) -> None:
    """Seal the entries that were written since the last seal. A job does this by itself while the town is served."""
    with open_town(safe_mode=True) as town:
        count = sealing.seal(town)
        last = sealing.newest(town)
    if as_json:
        print_json({"sealed": count, "seal": last.number if last else 0, "digest": last.digest if last else ""})
    elif last is None:
        click.echo("There is no history yet.")
    else:
        click.echo(f"Sealed {count:,}; the newest seal is {last.number:,}, {last.digest}.")


@history.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--anchors",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="An anchor that was kept elsewhere, to compare the chain with; may be given several times.",
)
@click.argument("more", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path, dir_okay=False))
def verify(as_json: bool, files: tuple[Path, ...], more: tuple[Path, ...]) -> None:
    """Work out every digest anew and name the first that is wrong, with exit code 1.

    More anchors may follow the first: --anchors january.json february.json.
    """
    if more and not files:
        raise click.UsageError("Files are anchors: write --anchors before the first.")
    with open_town(safe_mode=True) as town:
        known = [anchors.read(town, file) for file in (*files, *more)]
        start = perf_counter()
        verdict = verifying.verify(town, known, None if as_json or not sys.stderr.isatty() else _progress)
        seconds = perf_counter() - start
        lost = history_guards.lost(ledger.additions(town.system, "townhall"))
    if as_json:
        last = verdict.newest
        told = asdict(verdict) | {
            "ok": verdict.broken is None,
            "newest": {"seal": last.number, "digest": last.digest} if last else None,
        }
        guards = [{"guard": name, "made_anew": from_microseconds(at).isoformat()} for name, at in lost]
        print_json(told | {"seconds": round(seconds, 3), "guards_lost": guards})
    else:
        _print(verdict, seconds)
        _print_lost(lost)
    if verdict.broken is not None:
        sys.exit(1)


@history.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="New file to write; without it, the anchor goes to standard output.",
)
@click.option("--seal", "number", type=click.IntRange(min=1), help="This seal as it is now, instead of the newest.")
def anchor(output: Path | None, number: int | None) -> None:
    """Seal what is not sealed yet, and write the newest seal into a small file to keep elsewhere."""
    with open_town(safe_mode=True) as town:
        if number is None:
            sealing.seal(town)
        text = anchors.make(town, number or 0)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise TownhallError(f"{output} is there already. Name another file: an anchor is never replaced.") from None
    except OSError as error:
        raise TownhallError(f"{output} can't be written: {error.strerror or error}.") from error
    click.echo(f"The anchor is in {output}. Keep it where whoever runs this server can't change it.")


def _progress(done: int, total: int) -> None:
    click.echo(f"\r{done:,} of {total:,} entries", nl=done >= total, err=True)


def _print(verdict: Verdict, seconds: float) -> None:
    if verdict.broken is not None:
        click.echo(f"BROKEN   {verdict.broken.sentence}")
        click.echo(f"Up to there {_count(verdict.entries, 'entry', 'entries')} held.")
        return
    speed = f", {verdict.entries / seconds:,.0f} a second" if verdict.entries >= 10_000 else ""
    click.echo(f"{_count(verdict.entries, 'entry holds', 'entries hold')} ({seconds:.1f} s{speed}).")
    if verdict.newest is not None:
        at = from_microseconds(verdict.newest.at)
        click.echo(f"{_count(verdict.seals, 'seal holds', 'seals hold')}, the newest of {at:%Y-%m-%d %H:%M:%S} UTC:")
        click.echo(f"  {verdict.newest.number} {verdict.newest.digest}")
    if verdict.anchors:
        click.echo(f"The chain has {_count(verdict.anchors, 'anchor', 'anchors')} in it, as they were taken.")
    if verdict.unsealed:
        click.echo(f"{_count(verdict.unsealed, 'entry waits', 'entries wait')} for the next seal.")
    if verdict.erased:
        click.echo(
            f"{_count(verdict.erased, 'entry has', 'entries have')} no values any more: they were erased by rule."
        )
    if verdict.uncounted:
        click.echo(
            f"NOTE     {_count(verdict.uncounted, 'entry', 'entries')} of these came with a pack of which it was not "
            "written down how many had none, as Townhall did once. Compare them with the pack."
        )


def _print_lost(lost: Sequence[tuple[str, int]]) -> None:
    if lost:
        names = ", ".join(dict.fromkeys(name for name, _ in lost))
        click.echo(
            f"NOTE     Somebody took guards of the database away or altered them ({names}); they were made anew, last "
            f"at {from_microseconds(lost[-1][1]):%Y-%m-%d %H:%M:%S} UTC. Compare with an anchor from before that."
        )


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
