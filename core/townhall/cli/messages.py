"""``townhall messages``: the outbox from the command line."""

from __future__ import annotations

import click

from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.mail import at_once
from townhall.mail import health
from townhall.mail import sending
from townhall.messages import going_out
from townhall.messages import outbox
from townhall.messages import switches


@click.group()
def messages() -> None:
    """What is sent to residents: the outbox, and whether it goes out."""


@messages.command("list")
@click.option("--status", type=click.Choice(outbox.STATUSES), multiple=True, help="Only these; may be repeated.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, outbox.LARGEST_PAGE), help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_messages(status: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List messages, the newest first; without --status those that did not go out."""
    chosen = status or (*outbox.OPEN, *outbox.TROUBLED)
    with open_town() as town:
        found = outbox.find(town, statuses=chosen, limit=limit)
    if as_json:
        print_json(
            [
                {
                    "id": each.id,
                    "record": f"{each.identity}:{each.record_id}",
                    "number": each.number,
                    "event": each.event,
                    "channel": each.channel,
                    "to": each.recipient,
                    "status": each.status,
                    "attempts": each.attempts,
                    "created": each.created_at.isoformat(),
                    "error": each.error,
                }
                for each in found
            ]
        )
        return
    rows = [
        (str(each.id), each.status, each.channel, " ".join(each.recipient.split()), each.number, each.event, each.error)
        for each in found
    ]
    print_table(("ID", "STATUS", "HOW", "TO", "NUMBER", "EVENT", "WHY"), rows)


@messages.command()
def send() -> None:
    """Send what waits, now. It fails if the mail server takes nothing."""
    with open_town() as town:
        done = sending.run(town)
        if not town.settings.mail_host:
            done = f"{done} No mail server is set up, so no mail is sent."
        elif reason := switches.paused(town.system):
            done = f"{done} {reason} Messages wait."
        click.echo(done.strip() or "There was nothing to send.")


@messages.command()
@click.argument("ids", type=int, nargs=-1)
def retry(ids: tuple[int, ...]) -> None:
    """Try these again, or all that were not delivered. It fails if one of these can't be, and says why."""
    with open_town() as town:
        retried = going_out.retry(town, operator(), ids or None)
        when = health.when(town)
    if retried.count or not ids:
        click.echo(f"{retried.count:,} will be tried again{f' {when}' if retried.count else ''}.")
    if retried.refused:
        raise click.ClickException("\n".join(f"{id}: {reason}" for id, reason in retried.refused.items()))


@messages.command()
@click.argument("id", type=int)
def drop(id: int) -> None:
    """Never send a message."""
    with open_town() as town:
        message = outbox.drop(town, operator(), id)
    to = ", ".join(message.recipient.splitlines())
    click.echo(f"The message to {to} is not sent.")


@messages.command()
def pause() -> None:
    """Send nothing until somebody resumes; messages wait."""
    with open_town() as town:
        switches.pause(town, operator())
    click.echo("Sending is paused. Messages wait.")


@messages.command()
def resume() -> None:
    """Go on sending, also what the circuit breaker held back."""
    with open_town() as town:
        held = switches.resume(town, operator())
    click.echo("Messages go out again." + (f" {held:,} had been held back." if held else ""))


@messages.command()
@click.argument("address")
def test(address: str) -> None:
    """Send a test message at once, and say what the mail server says."""
    with open_town() as town:
        click.echo(at_once.send_test(town, address))
