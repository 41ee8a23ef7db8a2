"""``townhall users`` and what ``townhall doctor`` says of accounts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result

from townhall.access.actors import system
from townhall.accounts import lockout
from townhall.accounts import log
from townhall.accounts import own_password
from townhall.accounts import people
from townhall.accounts import second_factor
from townhall.accounts import sessions
from townhall.cli import main
from townhall.cli.demo import PASSWORD as DEMO_PASSWORD
from townhall.town import Town

PASSWORD = "correct horse battery"
ADA, VIC = "ada@town.example", "vic@town.example"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command on a town that was made already, with no plugin on."""

    def run(*arguments: str, input: str = "", **environ: str) -> Result:
        command = ["--instance", str(tmp_path / "town"), *arguments]
        return CliRunner().invoke(main, command, input=input, env=environ, catch_exceptions=False)

    result = run("init", "--admin", ADA, "--plugins", "none", TOWNHALL_ADMIN_PASSWORD=PASSWORD)
    assert result.exit_code == 0, result.output
    return run


@pytest.fixture
def town(run: Run, tmp_path: Path) -> Iterator[Town]:
    """The same town, open."""
    town = Town.open(tmp_path / "town")
    yield town
    town.close()


def token_in(output: str) -> str:
    """The token of the link that a command printed."""
    found = re.search(r"/admin/password/(\S+)", output)
    assert found, output
    return found[1]


def set_up_factor(town: Town, id: int) -> None:
    """Give somebody a code app."""
    nonce = second_factor.new_nonce()
    code = second_factor._totp(town, id, nonce).generate(int(town.clock.now().timestamp())).token
    second_factor.set_up(town, system(), id, nonce, code)


def test_what_is_wrong_with_somebody_new_is_said_before_a_password_is_asked_for(run: Run) -> None:
    """A mistyped role, an address that is there and one that is none are refused without a word typed in vain."""
    for arguments, said in (
        ((VIC, "--role", "clark"), "There is no role 'clark'. Did you mean clerk?"),
        ((VIC, "--role", "mayor"), "Known are administrator, "),
        ((ADA.upper(),), f"{ADA} works here already."),
        (("vic", "--role", "viewer"), "is no e-mail address; write one like"),
        ((VIC, "--name", "x" * 5000), "At most 200 characters"),
    ):
        refused = run("users", "add", *arguments)
        assert refused.exit_code != 0
        assert said in refused.output, refused.output
        assert "assword" not in refused.output


def test_an_invitation_is_printed_renewed_and_withdrawn(run: Run, town: Town) -> None:
    """The link is the only way to the first password; each new one takes the place of the one before."""
    first = token_in(
        run("users", "invite", VIC, "--role", "viewer", TOWNHALL_PUBLIC_ADDRESS="https://town.example").output
    )
    assert (
        "https://town.example/admin/password/"
        in run("users", "invite", VIC, TOWNHALL_PUBLIC_ADDRESS="https://town.example").output
    )
    assert json.loads(run("users", "show", VIC, "--json").output)["invited_until"]
    assert json.loads(run("users", "show", VIC, "--json").output)["roles"] == ["viewer"]
    second = token_in(run("users", "invite", VIC, "--role", "auditor", "--name", "Vic Moreau").output)
    shown = json.loads(run("users", "show", VIC, "--json").output)
    assert (shown["roles"], shown["name"]) == (["auditor"], "Vic Moreau")
    assert "works no more" in run("users", "withdraw-invitation", VIC).output
    assert "has no invitation" in run("users", "withdraw-invitation", VIC).output
    for token in (first, second):
        with pytest.raises(Exception, match="Ask for a new one"):
            own_password.choose(town, token, PASSWORD)
    own_password.choose(town, token_in(run("users", "invite", VIC).output), PASSWORD)
    refused = run("users", "invite", VIC)
    assert (refused.exit_code, "needs no invitation" in refused.output) == (1, True)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--role", "clrk", "Did you mean clerk?"), ("--name", " ", "Enter a name"), ("--name", "x" * 201, "At most 200")],
)
def test_an_invitation_that_is_refused_leaves_the_one_before(
    run: Run, town: Town, option: str, value: str, said: str
) -> None:
    """Nothing is half done: the link that was handed over still works, and role and name are as before."""
    token = token_in(run("users", "invite", VIC, "--role", "viewer", "--name", "Vic").output)
    refused = run("users", "invite", VIC, "--role", "auditor", option, value)
    assert (refused.exit_code, said in refused.output) == (1, True), refused.output
    shown = json.loads(run("users", "show", VIC, "--json").output)
    assert (shown["roles"], shown["name"]) == (["viewer"], "Vic")
    own_password.choose(town, token, PASSWORD)


def test_a_role_that_asks_for_a_code_app_is_used_by_no_session_from_before(run: Run, town: Town) -> None:
    """The command says that one is needed, and ends the sessions of who has none."""
    id = people.add(town, system(), VIC, role="viewer", password=PASSWORD).id
    sessions.start(town, id)
    asks = {"TOWNHALL_SECOND_FACTOR": "auditor"}
    assert run("users", "set-role", VIC, "clerk", **asks).output == "Vic is now Clerk.\n"
    assert len(sessions.of(town, id)) == 1
    said = run("users", "set-role", VIC, "auditor", **asks).output
    assert said == "Vic is now Auditor. They need a code app, which they set up at the next sign-in.\n"
    assert sessions.of(town, id) == []


def test_who_goes_is_named_where_they_still_are(run: Run, town: Town) -> None:
    """Keeping somebody out and handing over name the coming events that go on naming them; the cases are elsewhere."""
    id = people.add(town, system(), VIC, role="clerk", password=PASSWORD).id
    starts = town.clock.now() + timedelta(days=3)
    values = {"name": "Fair", "starts": starts, "team": [{"person": id}]}
    town.records.create(system(), "core.event", values)
    told = "1 event still names Vic: Fair.\n"
    told += "These are not handed over with the cases: name somebody else in each, or leave it.\n"
    assert run("users", "deactivate", VIC).output == f"Vic can't sign in any more.\n{told}"
    assert run("users", "hand-over", VIC, ADA).output == f"There was no open work to hand over.\n{told}"


def test_a_forgotten_password_is_reset_by_a_link(run: Run, town: Town) -> None:
    """No password is ever on the command line or in its output."""
    before = town.system.user.get(email=ADA).password
    result = run("users", "reset-password", ADA)
    assert "http://127.0.0.1:8000/admin/password/" in result.output
    assert town.system.user.get(email=ADA).password == before
    own_password.choose(town, token_in(result.output), "another good password")
    assert town.system.user.get(email=ADA).password != before


def test_a_pause_a_lost_phone_and_sessions_are_seen_to(run: Run, town: Town) -> None:
    """Each is shown by ``show`` and ``list``, and ended by its command."""
    id = people.find(town, ADA).id
    for _ in range(5):
        lockout.begin(town, ADA)
    set_up_factor(town, id)
    for agent in ("Firefox/140 (Windows)", "Chrome/140 (X11; Linux)"):
        sessions.start(town, id, agent=agent, address="198.51.100.7")
    facts = json.loads(run("users", "list", "--json").output)[0]
    assert facts["locked_until"]
    assert (facts["second_factor"], facts["sessions"]) == (True, 2)
    assert "has to wait" in run("users", "list").output
    assert "at once" in run("users", "unlock", ADA).output
    listed = json.loads(run("users", "sessions", ADA, "--json").output)
    assert {each["device"] for each in listed} == {"Firefox on Windows", "Chrome on Linux"}
    assert {each["place"] for each in listed} == {"198.51.100.x"}
    assert "Chrome on Linux" in run("users", "sessions", ADA).output
    assert "of 1 device." in run("users", "end-sessions", ADA, "--id", str(listed[0]["id"])).output
    assert run("users", "end-sessions", ADA, "--id", str(listed[0]["id"])).exit_code == 1
    assert "taken away" in run("users", "reset-second-factor", ADA).output
    assert sessions.of(town, id) == []
    assert "has no code app" in run("users", "reset-second-factor", ADA).output
    shown = run("users", "show", ADA).output
    assert "May sign in: yes" in shown
    assert "Code app: none" in shown


def test_the_log_is_read_by_command(run: Run, town: Town) -> None:
    """Of one person or of all, as a table or as JSON, with whoever did it on the server."""
    run("users", "add", VIC, "--role", "viewer", input=PASSWORD + "\n")
    run("users", "set-role", VIC, "clerk")
    run("users", "deactivate", VIC)
    run("users", "reactivate", VIC)
    entries = json.loads(run("users", "log", VIC, "--json").output)
    assert [entry["what"] for entry in entries] == ["reactivated", "deactivated", "role_changed", "added"]
    assert entries[2]["detail"] == "viewer → clerk"
    assert all(entry["door"] == "cli" and "command line" in entry["by"] for entry in entries)
    assert len(json.loads(run("users", "log", "--limit", "2", "--json").output)) == 2
    assert "Can sign in again" in run("users", "log").output


def test_roles_say_whether_they_need_a_code(run: Run) -> None:
    """The setting is read from the file or the environment; what is no name is refused in a sentence."""
    roles = json.loads(run("users", "roles", "--json", TOWNHALL_SECOND_FACTOR="administrator, clerk").output)
    assert {role["name"] for role in roles if role["second_factor"]} == {"administrator", "clerk"}
    assert "Viewer" in run("users", "roles").output
    refused = run("users", "roles", TOWNHALL_SECOND_FACTOR="all,clerk")
    assert (refused.exit_code, "must be a list of roles" in refused.output) == (1, True)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('["administrator", "clerk"]', ("administrator", "clerk")),
        ('"all"', ("all",)),
        ('"none"', ()),
        ("[]", ()),
        ("3", "must be a list of texts in quotes"),
        ('["two words"]', "must be a list of roles"),
    ],
)
def test_the_roles_that_need_a_code_are_written_in_several_ways(
    run: Run, tmp_path: Path, written: str, kept: tuple[str, ...] | str
) -> None:
    """A list, or one of two words; anything else is told with its place."""
    from townhall.config import load_settings
    from townhall.errors import ConfigurationError

    (tmp_path / "town" / "townhall.toml").write_text(f"[security]\nsecond_factor = {written}\n", encoding="utf-8")
    if isinstance(kept, str):
        with pytest.raises(ConfigurationError, match=kept):
            load_settings(tmp_path / "town")
    else:
        assert load_settings(tmp_path / "town").second_factor == kept


def findings(result: Result) -> dict[str, tuple[bool, str]]:
    """What the doctor found, by subject."""
    return {each["subject"]: (each["good"], each["message"]) for each in json.loads(result.output)}


def test_the_doctor_looks_at_accounts(run: Run, town: Town) -> None:
    """Who should have a code app and has none, roles that don't exist, the demo's password, nobody who can manage."""
    healthy = findings(run("doctor", "--json"))
    assert all(healthy[subject][0] for subject in ("people", "code app", "known password"))
    asked = findings(run("doctor", "--json", TOWNHALL_SECOND_FACTOR="administrator"))
    assert asked["code app"] == (False, f"asked for and not set up yet by {ADA}; they are asked at their next sign-in.")
    set_up_factor(town, people.find(town, ADA).id)
    assert findings(run("doctor", "--json", TOWNHALL_SECOND_FACTOR="administrator"))["code app"][0]
    assert "mayor" in findings(run("doctor", "--json", TOWNHALL_SECOND_FACTOR="mayor"))["second factor"][1]
    people.add(town, system(), VIC, role="clerk", password=DEMO_PASSWORD)
    good, said = findings(run("doctor", "--json"))["known password"]
    assert (good, VIC in said, ADA in said) == (False, True, False)
    town.system.user.update(password=None).where(town.system.user.email == ADA).execute()
    good, said = findings(run("doctor", "--json"))["people"]
    assert (good, "may manage people" in said) == (False, True)
    town.system.user.update(active=False).execute()
    assert "nobody can sign in" in findings(run("doctor", "--json"))["people"][1]
    assert log.read(town), "and what was done before stays written"
