"""Every claim about signing in, tried the other way round: guessing, using codes and links twice, old sessions."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from passlib.totp import TOTP
from werkzeug.test import TestResponse

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import account_links
from townhall.accounts import delivering
from townhall.accounts import devices
from townhall.accounts import lockout
from townhall.accounts import log
from townhall.accounts import own_password
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.accounts import second_factor
from townhall.accounts import sessions
from townhall.accounts import tidying
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.town import Town

PASSWORD = "correct horse battery"
ADA, ERIN = "ada@town.example", "erin@town.example"


@pytest.fixture
def client(town: Town) -> FlaskClient:
    """A browser, and a town with an administrator and a clerk."""
    return browser(with_people(town))


def with_people(town: Town) -> Town:
    people.add(town, system(), ADA, name="Ada King", role="administrator", password=PASSWORD)
    people.add(town, system(), ERIN, name="Erin Clerk", role="clerk", password=PASSWORD)
    return town


def asking(town: Town, setting: str) -> Town:
    """The same town with a line in its section of security."""
    file = Path(town.instance) / "townhall.toml"
    file.write_text(file.read_text(encoding="utf-8") + f"\n[security]\n{setting}\n", encoding="utf-8")
    return town.renewed()


def browser(town: Town) -> FlaskClient:
    return create_app(town).test_client()


def another(client: FlaskClient) -> FlaskClient:
    """Another browser on the same site."""
    return client.application.test_client()


def post(client: FlaskClient, path: str, page: str = "", **values: str) -> TestResponse:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page or path).text)
    assert found, f"{page or path} has no form"
    return client.post(path, data={"csrf_token": found[1], **values})


def sign_in(client: FlaskClient, email: str = ADA, password: str = PASSWORD, **values: str) -> TestResponse:
    return post(client, "/admin/sign-in", email=email, password=password, **values)


def is_in(client: FlaskClient) -> bool:
    return client.get("/admin/account").status_code == 200


def id_of(town: Town, email: str = ADA) -> int:
    return people.find(town, email).id


def happened(town: Town, email: str = ADA) -> list[str]:
    """What the log says of an account, the oldest first."""
    return [event.what for event in reversed(log.read(town, id_of(town, email)))]


class Phone:
    """A code app: it knows a key as it was typed from a page, and the time."""

    def __init__(self, town: Town, page: str) -> None:
        found = re.search(r'qr-key">([A-Z2-7 ]+)<', page)
        assert found
        self.key, self.clock = found[1].replace(" ", ""), town.clock

    def code(self, steps: int = 0) -> str:
        """The digits it shows now, or showed some half minutes ago."""
        return str(TOTP(self.key).generate(int(self.clock.now().timestamp()) + 30 * steps).token)

    def wrong(self) -> str:
        near = {self.code(step) for step in range(-2, 3)}
        return next(code for code in ("000000", "000001", "000002", "000003", "000004", "000005") if code not in near)


def set_up(client: FlaskClient, town: Town, clock: FixedClock) -> tuple[Phone, list[str]]:
    """Set up a code app for whoever is signed in; the app and the recovery codes."""
    page = "/admin/account/second-factor"
    phone = Phone(town, client.get(page).text)
    shown = post(client, page, change="set_up", code=phone.code(), password=PASSWORD)
    assert shown.status_code == 200, shown.text
    codes = re.findall(r"<code class=\"number\">([^<]+)</code>", shown.text)
    assert len(codes) == len(set(codes)) == second_factor.RECOVERY_CODES
    clock.move(timedelta(seconds=30))
    return phone, codes


# -- guessing ----------------------------------------------------------------------------------------------------------


def test_pauses_grow_and_are_the_same_for_nobody(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """Five failures make five minutes, the next five fifteen; an address that nobody has gets the same words."""
    for minutes in (5, 15, 45):
        for email in (ADA, "nobody@town.example"):
            answers = [sign_in(client, email, "wrong") for _ in range(5)]
            assert {answer.status_code for answer in answers} == {422}
            waiting = sign_in(client, email)
            assert waiting.status_code == 429
            assert f"Wait {minutes} minutes" in waiting.text
        clock.move(timedelta(minutes=minutes))
    assert happened(town).count("locked") == 3
    assert sign_in(client).status_code == 302
    assert lockout.begin(town, ADA).allowed, "and all of it is forgotten"


def test_many_guesses_at_once_are_no_more_than_a_few(client: FlaskClient, town: Town) -> None:
    """An attempt counts before it is checked, so those that run side by side share the few that are allowed."""
    begun = [lockout.begin(town, ADA) for _ in range(20)]
    assert [attempt.allowed for attempt in begun].count(True) == town.settings.sign_in_attempts
    assert sum(attempt.locks for attempt in begun) == 1
    assert sign_in(client).status_code == 429


def test_one_address_can_not_try_many_accounts(client: FlaskClient) -> None:
    """Forty failures of one computer make it wait, whichever accounts it tried; another computer may go on."""
    for number in range(40):
        assert sign_in(client, f"person{number}@town.example", "wrong").status_code == 422
    assert sign_in(client).status_code == 429
    elsewhere = another(client)
    elsewhere.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    assert sign_in(elsewhere).status_code == 302


def test_a_pause_is_seen_and_ended_by_an_administrator(client: FlaskClient, town: Town) -> None:
    """The pages of people say who has to wait; a button lets them try at once, and it is logged."""
    sign_in(client)
    for _ in range(5):
        sign_in(another(client), ERIN, "wrong")
    assert "has to wait" in client.get("/admin/people").text
    person = f"/admin/people/{id_of(town, ERIN)}"
    assert "Sign-in waits." in client.get(person).text
    assert post(client, f"{person}/sign-in", person, change="unlock").status_code == 302
    assert sign_in(another(client), ERIN).status_code == 302
    assert happened(town, ERIN)[-3:] == ["locked", "unlocked", "signed_in"]


def test_an_unknown_address_costs_as_much_work(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password is checked against a digest of the same cost, whether there is an account or not."""
    checked: list[str] = []
    right = passwords.matches

    def noting(password: str, kept: str | None) -> bool:
        checked.append("account" if kept else "none")
        return right(password, kept)

    monkeypatch.setattr(passwords, "matches", noting)
    sign_in(client, ADA, "wrong")
    sign_in(client, "nobody@town.example", "wrong")
    assert checked == ["account", "none"]
    parameters = {passwords.digest("x").split("$")[3], passwords._decoy().split("$")[3]}
    assert len(parameters) == 1


def test_what_is_typed_wrong_is_not_kept(client: FlaskClient, town: Town) -> None:
    """People type passwords into the wrong field: neither the log nor the counters hold what was typed."""
    sign_in(client, "hunter2 is my secret", "other secret")
    rows = [
        row for model in (town.system.account_event, town.system.sign_in_attempts) for row in model.select().dicts()
    ]
    assert rows
    assert "secret" not in repr(rows)


@pytest.mark.parametrize(
    "password",
    [
        "Password2024!",
        "qwertyuiop",
        "1234567890",
        "P@ssw0rd1234",
        "welcomewelcome",
        "Milbrook2026",
        "abcdefghijkl",
        "KingKingKing1",
        "!!Summer2025!!",
    ],
)
def test_what_everybody_tries_first_is_refused(password: str) -> None:
    """Common words with digits and signs, runs of keys, the town's name and the own one."""
    assert "try first" in passwords.problem(password, ADA, "Ada King", "Milbrook")


@pytest.mark.parametrize("password", ["correct horse battery", "bench-and-weir-9", "Übergrößenträger"])
def test_good_passwords_are_taken(password: str) -> None:
    """Several words are fine, in any script."""
    assert passwords.problem(password, ADA, "Ada King", "Milbrook") == ""


# -- the second factor -------------------------------------------------------------------------------------------------


def test_a_code_is_asked_for_and_works_once(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """The password alone opens nothing; a code opens once, and the same or an older one never again."""
    sign_in(client)
    phone, _ = set_up(client, town, clock)
    stranger = another(client)
    step = sign_in(stranger, next="/admin/account?tab=1")
    assert step.headers["Location"] == "/admin/sign-in/code"
    assert not is_in(stranger), "between the steps nobody is in"
    assert post(stranger, "/admin/sign-in/code", code=phone.wrong()).status_code == 422
    used = phone.code()
    done = post(stranger, "/admin/sign-in/code", code=used)
    assert done.headers["Location"] == "/admin/account?tab=1"
    assert is_in(stranger)
    third = another(client)
    sign_in(third)
    for code in (used, phone.code(-1)):
        assert post(third, "/admin/sign-in/code", code=code).status_code == 422
    assert not is_in(third)
    assert happened(town)[-4:] == ["code_failed", "signed_in", "code_failed", "code_failed"]


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_half_a_minute(town: Town, steps: int, taken: bool) -> None:
    """A code counts in its own half minute, the one before and the one after."""
    id = id_of(with_people(town))
    nonce = second_factor.new_nonce()
    key = TOTP(second_factor.key_text(town, id, nonce).replace(" ", ""))
    now = int(town.clock.now().timestamp())
    second_factor.set_up(town, system(), id, nonce, str(key.generate(now).token))
    town.system.second_factor.update(last_step=0).execute()
    assert second_factor.accept(town, id, str(key.generate(now + 30 * steps).token)) is taken


def test_guessing_codes_locks_the_account(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """Wrong codes count like wrong passwords, and typing the password again in between forgives none of them."""
    sign_in(client)
    phone, _ = set_up(client, town, clock)
    thief = another(client)
    for _ in range(5):
        assert sign_in(thief).headers["Location"] == "/admin/sign-in/code"
        assert post(thief, "/admin/sign-in/code", code=phone.wrong()).status_code == 422
    assert post(thief, "/admin/sign-in/code", code=phone.code()).status_code == 429
    assert sign_in(thief).status_code == 429


def test_a_recovery_code_works_once(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """In any writing; the database holds no code, and new ones take the place of all old ones."""
    sign_in(client)
    _, codes = set_up(client, town, clock)
    assert not {each["digest"] for each in town.system.recovery_code.select().dicts()} & set(codes)
    lost = another(client)
    sign_in(lost)
    page = "/admin/sign-in/code?with=recovery"
    typed = codes[0].replace("-", " ").upper()
    assert post(lost, "/admin/sign-in/code", page, **{"with": "recovery", "code": typed}).status_code == 302
    assert is_in(lost)
    again = another(client)
    sign_in(again)
    refused = post(again, "/admin/sign-in/code", page, **{"with": "recovery", "code": codes[0]})
    assert refused.status_code == 422
    assert "used already" in refused.text
    own = "/admin/account/second-factor"
    saved = post(client, "/admin/account/recovery-codes.txt", own, codes=" ".join(codes[1:]))
    assert codes[1] in saved.text
    assert "attachment" in saved.headers["Content-Disposition"]
    renewed = post(client, own, change="codes", password=PASSWORD)
    assert codes[1] not in renewed.text
    assert not second_factor.accept_recovery_code(town, id_of(town), codes[1])
    assert post(client, "/admin/account/recovery-codes.txt", own, codes=codes[1]).status_code == 404


def test_a_role_that_needs_it_sets_it_up_before_anything_else(town: Town, clock: FixedClock) -> None:
    """An administrator without a code app gets to no page before it is set up; a clerk is asked for nothing."""
    town = asking(with_people(town), 'second_factor = ["administrator"]')
    client = browser(town)
    assert sign_in(another(client), ERIN).headers["Location"] == "/admin/"
    assert sign_in(client).headers["Location"] == "/admin/sign-in/set-up"
    assert not is_in(client)
    page = client.get("/admin/sign-in/set-up").text
    assert re.search(r"<svg[^>]* viewBox=", page), "or it would be cut off"
    assert "http" not in re.sub(r"<svg.*?</svg>", "", page.partition("<main")[2]), "the picture is drawn here"
    phone = Phone(town, page)
    assert post(client, "/admin/sign-in/set-up", code=phone.wrong()).status_code == 422
    assert not is_in(client)
    shown = post(client, "/admin/sign-in/set-up", code=phone.code())
    assert "Your recovery codes" in shown.text
    assert is_in(client)
    refused = post(client, "/admin/account/second-factor", change="off", password=PASSWORD)
    assert refused.status_code == 422
    assert second_factor.of(town, id_of(town))


def test_no_open_session_gets_round_a_role_that_needs_it(town: Town, clock: FixedClock) -> None:
    """Who is signed in without a code app and gets such a role is out; with one, or with another role, they stay."""
    town = asking(with_people(town), 'second_factor = ["administrator"]')
    people.add(town, system(), "vic@town.example", role="clerk", password=PASSWORD)
    erin, vic = browser(town), browser(town)
    sign_in(erin, ERIN)
    sign_in(vic, "vic@town.example")
    set_up(vic, town, clock)
    ada = browser(town)
    sign_in(ada)
    phone = Phone(town, ada.get("/admin/sign-in/set-up").text)
    post(ada, "/admin/sign-in/set-up", code=phone.code())

    def give(email: str, role: str) -> str:
        path = f"/admin/people/{id_of(town, email)}"
        post(ada, path, change="role", role=role)
        return ada.get(path).text

    assert "need a code app" not in give(ERIN, "viewer")
    assert is_in(erin)
    assert "They need a code app, which they set up at the next sign-in." in give(ERIN, "administrator")
    assert not is_in(erin)
    assert sign_in(erin, ERIN).headers["Location"] == "/admin/sign-in/set-up"
    assert "need a code app" not in give("vic@town.example", "administrator")
    assert is_in(vic)


def test_a_trusted_computer_is_asked_again_after_hours(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """For twelve hours the password is enough there, for that person alone, until the password changes."""
    sign_in(client)
    phone, _ = set_up(client, town, clock)
    trusted = another(client)
    sign_in(trusted)
    done = post(trusted, "/admin/sign-in/code", code=phone.code(), trust="1")
    cookie = next(value for value in done.headers.getlist("Set-Cookie") if "_trusted" in value)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    post(trusted, "/admin/sign-out", "/admin/account")
    clock.move(timedelta(hours=11))
    assert sign_in(trusted).headers["Location"] == "/admin/"
    post(trusted, "/admin/sign-out", "/admin/account")
    clock.move(timedelta(hours=1))
    assert sign_in(trusted).headers["Location"] == "/admin/sign-in/code"
    clock.move(timedelta(seconds=60))
    post(trusted, "/admin/sign-in/code", code=phone.code(), trust="1")
    people.set_password(town, system(), id_of(town), "another good password")
    assert sign_in(trusted, password="another good password").headers["Location"] == "/admin/sign-in/code"


def test_the_first_step_runs_out(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """Ten minutes after the password it is asked for again, and a changed password ends the wait at once."""
    sign_in(client)
    set_up(client, town, clock)
    late = another(client)
    sign_in(late)
    clock.move(timedelta(minutes=10))
    assert late.get("/admin/sign-in/code").headers["Location"] == "/admin/sign-in"
    sign_in(late)
    people.set_password(town, system(), id_of(town), "another good password")
    assert late.get("/admin/sign-in/code").headers["Location"] == "/admin/sign-in"
    assert another(client).get("/admin/sign-in/code").status_code == 302


def test_the_key_is_in_no_table(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """Whoever copies the database can't make codes: the key is made with the town's secret."""
    sign_in(client)
    phone, _ = set_up(client, town, clock)
    row = town.system.second_factor.select().dicts().get()
    assert phone.key not in repr(row)
    assert TOTP(row["nonce"][:32].upper().translate(str.maketrans("0189", "ABCD"))).base32_key != phone.key


def test_an_administrator_takes_a_lost_app_away(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """The person is signed out everywhere and needs no code from it any more; a clerk can't do that to others."""
    sign_in(client, ERIN)
    set_up(client, town, clock)
    chief = another(client)
    sign_in(chief)
    erin = id_of(town, ERIN)
    page = f"/admin/people/{erin}"
    assert client.post(f"{page}/sign-in", data={"change": "factor"}).status_code == 400, "it takes a token"
    assert post(client, f"{page}/sign-in", "/admin/account", change="factor").status_code == 403
    assert post(chief, f"{page}/sign-in", page, change="factor").status_code == 302
    assert not is_in(client)
    assert sign_in(client, ERIN).headers["Location"] == "/admin/"
    assert "second_factor_reset" in happened(town, ERIN)


def test_nobody_gets_round_their_own_password(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """At an administrator's unwatched desk nobody sets a password, makes a link or takes the app away without it."""
    sign_in(client)
    set_up(client, town, clock)
    page = f"/admin/people/{id_of(town)}"
    post(client, f"{page}/sign-in", page, change="factor")
    assert "under your own name" in client.get(page).text
    assert "/admin/password/" not in post(client, f"{page}/sign-in", page, change="link").text
    assert post(client, page, change="password", new_password="another good password").status_code == 422
    assert post(client, "/admin/account/second-factor", change="off", password="wrong").status_code == 422
    assert second_factor.of(town, id_of(town))
    assert is_in(client)


# -- sessions ----------------------------------------------------------------------------------------------------------


def cookie_of(client: FlaskClient) -> str:
    cookie = client.get_cookie(client.application.config["SESSION_COOKIE_NAME"])
    assert cookie
    return cookie.value


def test_a_session_is_new_at_each_sign_in(client: FlaskClient, town: Town) -> None:
    """What a browser had before is worth nothing afterwards: nobody can prepare a session for somebody else."""
    client.get("/admin/sign-in")
    planted = cookie_of(client)
    sign_in(client)
    first = cookie_of(client)
    assert first != planted
    thief = another(client)
    thief.set_cookie(client.application.config["SESSION_COOKIE_NAME"], planted)
    assert not is_in(thief)
    post(client, "/admin/sign-out", "/admin/account")
    thief.set_cookie(client.application.config["SESSION_COOKIE_NAME"], first)
    assert not is_in(thief), "signing out ends the session itself, not only the cookie"
    sign_in(client)
    hashes = [row["token_hash"] for row in town.system.user_session.select().dicts()]
    assert len(hashes) == 1
    assert hashes[0] not in cookie_of(client)


def test_sessions_end_by_themselves(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """After hours without a click, and after some days in any case."""
    sign_in(client)
    idle = timedelta(minutes=town.settings.session_idle_minutes)
    clock.move(idle - timedelta(minutes=1))
    assert is_in(client)
    clock.move(idle)
    assert not is_in(client)
    sign_in(client)
    for _ in range(town.settings.session_hours // 6 - 1):
        clock.move(timedelta(hours=6))
        assert is_in(client)
    clock.move(timedelta(hours=6))
    assert not is_in(client)
    tidying.run(town)
    assert town.system.user_session.select().count() == 0


def test_ones_own_sessions_are_listed_and_ended(client: FlaskClient, town: Town) -> None:
    """Each with its device in plain words; another's can't be ended by guessing its number."""
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    other, erin = another(client), another(client)
    other.environ_base.update(HTTP_USER_AGENT=agent, REMOTE_ADDR="198.51.100.7")
    sign_in(client)
    sign_in(other)
    sign_in(erin, ERIN)
    page = client.get("/admin/account").text
    assert "Firefox on Windows" in page
    assert "198.51.100.x" in page
    assert "198.51.100.7" not in page
    number = sessions.of(town, id_of(town, ERIN))[0].id
    assert post(client, "/admin/account/sessions", "/admin/account", session=str(number)).status_code == 404
    assert is_in(erin)
    assert post(client, "/admin/account/sessions", "/admin/account", session="others").status_code == 302
    assert is_in(client)
    assert not is_in(other)
    with pytest.raises(Forbidden):
        sessions.end_all(town, own_actor(town, ERIN), id_of(town))


def own_actor(town: Town, email: str) -> Actor:
    """Somebody who is signed in, as the pages see them."""
    person = people.find(town, email)
    return Actor("staff", person.name, person.id, person.permissions, door="admin")


def test_an_administrator_ends_sessions_in_every_process(client: FlaskClient, town: Town) -> None:
    """One session, all of them, or all by letting somebody go; another process on the database knows at once."""
    sign_in(client)
    erin = id_of(town, ERIN)
    elsewhere = create_app(town.renewed()).test_client()
    page = f"/admin/people/{erin}"
    for change in ("session", "sessions", "deactivate"):
        sign_in(elsewhere, ERIN)
        assert is_in(elsewhere)
        if change == "deactivate":
            post(client, page, change=change)
        else:
            value = change if change == "sessions" else f"session-{sessions.of(town, erin)[0].id}"
            assert post(client, f"{page}/sign-in", page, change=value).status_code == 302
        assert not is_in(elsewhere)
    people.set_active(town, system(), erin, True)
    assert not is_in(elsewhere), "an old session doesn't come back with the person"


def test_the_cookies_are_guarded(client: FlaskClient) -> None:
    """Not for scripts, not for other sites, and secure exactly over HTTPS."""
    page = client.get("/admin/sign-in", base_url="https://localhost").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    values = {"csrf_token": found[1], "email": ADA, "password": PASSWORD}
    done = client.post(
        "/admin/sign-in", data=values, base_url="https://localhost", headers={"Referer": "https://localhost/"}
    )
    assert done.status_code == 302
    cookies = done.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax")), cookie


@pytest.mark.parametrize(
    "path",
    [
        "sign-in",
        "sign-in/code",
        "sign-out",
        "forgotten",
        "account/sessions",
        "account/second-factor",
        "people/1/sign-in",
    ],
)
def test_every_form_takes_a_token(client: FlaskClient, path: str) -> None:
    """A post without the token of a page of ours changes nothing."""
    sign_in(client)
    assert client.post(f"/admin/{path}", data={"session": "others", "change": "sessions"}).status_code == 400
    assert is_in(client)


def test_no_header_signs_anybody_in(client: FlaskClient) -> None:
    """There are no tokens in headers or in addresses, and no cookie that signs in by itself."""
    app = client.application
    with app.app_context():
        user = app.extensions["security"].datastore.find_user(id=1)
        try:
            token = user.get_auth_token()
        except Exception:  # without its column there is none to be had
            token = "none"
    assert client.get("/admin/account", headers={"Authentication-Token": token}).status_code == 302
    assert client.get(f"/admin/account?auth_token={token}").status_code == 302


# -- links -------------------------------------------------------------------------------------------------------------


def link_in(response: TestResponse) -> str:
    """The path of the link that a page shows."""
    found = re.search(r'value="http://localhost(/admin/password/[^"]+)"', response.text)
    assert found, response.text
    return found[1]


def choose(client: FlaskClient, link: str, password: str = "another good password") -> TestResponse:
    return post(client, link, new_password=password, new_password_again=password)


def test_a_link_for_a_new_password_works_once(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """An administrator hands it over; looking at it uses nothing up, choosing does, and all old sessions end."""
    sign_in(client)
    erin = another(client)
    sign_in(erin, ERIN)
    page = f"/admin/people/{id_of(town, ERIN)}"
    link = link_in(post(client, f"{page}/sign-in", page, change="link"))
    stranger = another(client)
    looked = stranger.get(link)
    assert looked.headers["Referrer-Policy"] == "no-referrer"
    assert choose(stranger, link, "short").status_code == 422
    assert is_in(erin), "the old password stays until a new one is chosen"
    assert choose(stranger, link).status_code == 302
    assert not is_in(stranger), "the link signs nobody in"
    assert not is_in(erin)
    assert stranger.get(link).status_code == 404
    assert sign_in(erin, ERIN).status_code == 422
    assert sign_in(erin, ERIN, "another good password").status_code == 302
    late = link_in(post(client, f"{page}/sign-in", page, change="link"))
    clock.move(timedelta(hours=1))
    assert stranger.get(late).status_code == 404
    assert link.rpartition("/")[2] not in repr(list(town.system.account_link.select().dicts()))
    assert "password_reset" in happened(town, ERIN)


def test_a_newer_link_and_a_departure_end_a_link(client: FlaskClient, town: Town) -> None:
    """Of two links only the newer one works, and none of somebody who may not sign in."""
    erin = id_of(town, ERIN)
    old = own_password.make_reset_link(town, system(), erin)
    new = own_password.make_reset_link(town, system(), erin)
    assert account_links.find(town, old) is None
    assert account_links.find(town, new)
    people.set_active(town, system(), erin, False)
    assert account_links.find(town, new) is None
    with pytest.raises(NotFound):
        own_password.choose(town, new, "another good password")
    with pytest.raises(Rejected):
        own_password.make_reset_link(town, system(), erin)


def test_an_invitation_lets_somebody_choose_their_password(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """It expires, can be renewed and withdrawn; nobody else ever knows the password."""
    sign_in(client)
    values = {"name": "Vic", "email": "vic@town.example", "role": "viewer"}
    link = link_in(post(client, "/admin/people", **values))
    vic = people.find(town, "vic@town.example")
    assert not vic.has_password
    assert sign_in(another(client), vic.email, "").status_code == 422
    assert "invited" in client.get("/admin/people").text
    page = f"/admin/people/{vic.id}"
    renewed = link_in(post(client, f"{page}/sign-in", page, change="invite"))
    stranger = another(client)
    assert stranger.get(link).status_code == 404
    assert post(client, f"{page}/sign-in", page, change="withdraw").status_code == 302
    assert stranger.get(renewed).status_code == 404
    again = link_in(post(client, f"{page}/sign-in", page, change="invite"))
    clock.move(timedelta(days=town.settings.invitation_days))
    assert stranger.get(again).status_code == 404
    sign_in(client)
    last = link_in(post(client, f"{page}/sign-in", page, change="invite"))
    assert choose(stranger, last).status_code == 302
    assert sign_in(stranger, vic.email, "another good password").status_code == 302
    assert happened(town, vic.email)[-2:] == ["invitation_accepted", "signed_in"]


def test_without_mail_nobody_is_promised_a_mail(client: FlaskClient) -> None:
    """The page says whom to ask, and takes no address."""
    page = client.get("/admin/forgotten").text
    assert "Ask an administrator" in page
    assert "<form" not in page


def test_asking_for_a_link_tells_nobody_who_works_here(
    client: FlaskClient, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known and unknown addresses get the same page; the mail's link has the town's own address, not the visitor's."""
    sent: list[tuple[str, str]] = []

    def deliver(town: Town, address: str, subject: str, body: str) -> bool:
        sent.append((address, body))
        return True

    monkeypatch.setattr(delivering, "is_possible", lambda town: True)
    monkeypatch.setattr(delivering, "deliver", deliver)
    answers = [post(client, "/admin/forgotten", email=email).text for email in (ADA, "nobody@town.example")]
    assert len({re.sub(r'nonce="[^"]+"', "", answer) for answer in answers}) == 1
    assert [address for address, _ in sent] == [ADA]
    assert client.get("/admin/forgotten", base_url="http://evil.example").status_code == 400
    for _ in range(5):
        post(client, "/admin/forgotten", email=ADA)
    assert len(sent) <= 3, "nobody's mailbox is flooded"


# -- the log, and small things -----------------------------------------------------------------------------------------


def test_what_happens_to_accounts_is_written_down(client: FlaskClient, town: Town, clock: FixedClock) -> None:
    """Sign-ins, roles and the rest stand on the person's page with who did it, for as long as the town says."""
    sign_in(client)
    erin = id_of(town, ERIN)
    post(client, f"/admin/people/{erin}", change="role", role="viewer")
    page = client.get(f"/admin/people/{erin}").text
    assert "Role changed" in page
    assert "clerk → viewer" in page
    assert "Ada King" in page
    sign_in(another(client), "nobody@town.example", "wrong")
    everything = client.get("/admin/people/log").text
    assert "Nobody’s" in everything
    assert client.get(f"/admin/people/{erin}/log").status_code == 200
    clerk = another(client)
    sign_in(clerk, ERIN)
    assert clerk.get("/admin/people/log").status_code == 403
    clock.move(timedelta(days=town.settings.account_log_days + 1))
    assert "Deleted" in tidying.run(town)
    assert tidying.run(town) == ""
    assert log.read(town) == []


def test_the_log_has_pages(client: FlaskClient, town: Town) -> None:
    """A hundred at a time, the newest first, none twice."""
    for number in range(120):
        log.write(town, system(), "role_changed", id_of(town), detail=f"n{number:03}")
    sign_in(client)
    first = client.get("/admin/people/log").text
    older = re.search(r'href="(\?before=\d+)"', first)
    assert older
    second = client.get(f"/admin/people/log{older[1]}").text
    seen = re.findall(r"\(n(\d{3})\)", first) + re.findall(r"\(n(\d{3})\)", second)
    assert seen == [f"{number:03}" for number in reversed(range(120))]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on an iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("curl/8.0", "An unknown device"),
        ("<script>alert(1)</script>", "An unknown device"),
    ],
)
def test_devices_are_told_in_plain_words(agent: str, words: str) -> None:
    """What a browser sends is never shown as it is."""
    assert devices.in_words(agent) == words


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("198.51.100.7", "198.51.100.x"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::ffff:198.51.100.7", "198.51.100.x"),
        ("127.0.0.1", "this computer"),
        ("nonsense", ""),
    ],
)
def test_addresses_are_shortened(address: str, kept: str) -> None:
    """Enough to see that it is a strange place, not enough to say which computer it was."""
    assert log.shortened(address) == kept


def test_guessing_the_password_in_an_open_session_has_an_end(client: FlaskClient) -> None:
    """Whoever sits down at somebody's desk gets a few tries at their password, not a thousand."""
    sign_in(client)
    new = {"new_password": "another good password", "new_password_again": "another good password"}
    for _ in range(5):
        post(client, "/admin/account/password", "/admin/account", password="wrong", **new)
    refused = post(client, "/admin/account/password", "/admin/account", password=PASSWORD, **new)
    assert refused.status_code == 422
    assert "wrong too often" in refused.text
