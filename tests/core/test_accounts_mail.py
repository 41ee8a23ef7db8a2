"""What members of staff get by mail about their account, from a real mail server, and what no outbox keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from smtp import smtp_server

from townhall.access.actors import system
from townhall.accounts import delivering
from townhall.accounts import own_password
from townhall.messages import outbox
from townhall.town import Town


def test_an_invitation_goes_out_at_once_and_stands_nowhere(town: Town) -> None:
    """The mail has the link; the town's outbox, which colleagues read, doesn't."""
    with smtp_server() as (mailbox, port):
        mailing(town, port)
        person, token = own_password.invite(town, system("cli"), "ina@milbrook.example", name="Ina", role="clerk")
        assert own_password.send_invitation(town, person, token)
        (mail,) = mailbox.mails
    assert mail["To"] == "ina@milbrook.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "https://milbrook.example/admin/" in mail.get_content()
    assert outbox.find(town) == []


def test_a_mail_that_the_server_refuses_is_handed_over_instead(town: Town) -> None:
    """Whoever invited is told that it did not go, and gets the link."""
    with smtp_server() as (mailbox, port):
        mailbox.to = lambda address: "550 5.1.1 No such user"
        mailing(town, port)
        assert not delivering.deliver(town, "ina@milbrook.example", "Your account", "A link")
        assert mailbox.mails == []


@pytest.mark.parametrize("settings", [{"mail_host": ""}, {"public_address": ""}])
def test_without_a_server_or_an_address_nothing_is_promised(town: Town, settings: dict[str, Any]) -> None:
    """Then an administrator hands the link over."""
    mailing(town, 1)
    town.settings = replace(town.settings, **settings)
    assert not delivering.is_possible(town)
    assert not delivering.deliver(town, "ina@milbrook.example", "Your account", "A link")


def mailing(town: Town, port: int) -> None:
    """Let the town send by the server on this port."""
    settings: dict[str, Any] = {
        "mail_host": "127.0.0.1",
        "mail_port": port,
        "mail_security": "none",
        "mail_from": "townhall@milbrook.example",
        "public_address": "https://milbrook.example",
    }
    town.settings = replace(town.settings, **settings)
