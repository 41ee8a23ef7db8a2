"""Settings: the file, the environment, and a sentence for every mistake."""

from __future__ import annotations

import tomllib
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path

import pytest

from townhall.colours import contrast_with_white
from townhall.config import SETTINGS
from townhall.config import example
from townhall.config import load_settings
from townhall.errors import ConfigurationError


def write(folder: Path, text: str) -> Path:
    (folder / "townhall.toml").write_text(text, encoding="utf-8")
    return folder


def refusal(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(folder, text), environ)
    return str(caught.value)


def test_an_instance_without_a_file_has_every_default(tmp_path: Path) -> None:
    """Without a settings file, each setting has its default."""
    settings = load_settings(tmp_path, {})
    assert {name: getattr(settings, name) for name in SETTINGS} == {n: s.default for n, s in SETTINGS.items()}


def test_the_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    """A value of the file replaces the default, and TOWNHALL_* replaces both, numbers included."""
    folder = write(tmp_path, '[town]\nname = "Millbrook"\n[server]\nport = 8100\nhost = "0.0.0.0"\n')
    settings = load_settings(folder, {"TOWNHALL_PORT": "9000", "TOWNHALL_CURRENCY": "CAD"})
    assert (settings.name, settings.port, settings.host, settings.currency) == ("Millbrook", 9000, "0.0.0.0", "CAD")


@pytest.mark.parametrize("text", ["--5", "9" * 5_000, "²", "5 5"])
def test_a_variable_that_is_no_number_is_a_sentence(tmp_path: Path, text: str) -> None:
    """Whatever somebody wrote into it."""
    with pytest.raises(ConfigurationError, match="TOWNHALL_PORT"):
        load_settings(tmp_path, {"TOWNHALL_PORT": text})


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """A file that Windows' Notepad saved with a byte order mark is read."""
    (tmp_path / "townhall.toml").write_bytes(b'\xef\xbb\xbf[town]\nname = "Millbrook"\n')
    assert load_settings(tmp_path, {}).name == "Millbrook"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[town]\nnaem = "x"', "town.naem: there is no such setting. Did you mean name?"),
        ('[twon]\nname = "x"', "twon: there is no such section. Did you mean town?"),
        ("[town]\nport = 1", "town.port: this setting belongs in [server]."),
        ('[server]\nport = "8000"', "server.port: '8000' must be a whole number."),
        ("[server]\nport = true", "server.port: True must be a whole number."),
        ("[server]\nport = 70000", "server.port: 70000 must be between 1 and 65535."),
        ("[town]\nname = 5", "town.name: 5 must be text in quotes."),
        ('[town]\nname = " "', "town.name: ' ' can't be empty."),
        ('[town]\ntimezone = "Mars"', "town.timezone: 'Mars' is no time zone"),
        ('[town]\ncurrency = "dollars"', "must be three capitals"),
        ('[town]\ncountry = "usa"', "must be two capitals"),
        ('[town]\nlanguage = "english please"', "must be a language code"),
        ('[town]\ncolour = "teal"', "must be a colour like #0f5669"),
        ('[server]\ndatabase = "mysql://x"', "must start with sqlite:/// or postgresql://"),
        ("[limits]\ndraft_days = 0", "must be 1 or more"),
        ("town = 3", "town: this must be a section, written [town]."),
        ("[plugins]\ncomplaints = 3", "plugins.complaints: this must be a section"),
        ("[town", "the file is not valid TOML"),
        ('name = "x"', "name: this setting stands in no section; it belongs below [town]."),
        ("port = 1", "port: this setting stands in no section; it belongs below [server] or [mail]."),
        ('naem = "x"', "naem: there is no such setting. Did you mean name? Settings stand below a section."),
        ("[complaints]\nradius = 5", "a plugin's settings stand in [plugins.complaints]."),
        ("[town]\nname = Millbrook", 'Texts stand in quotes, like name = "Millbrook".'),
        ('[backup]\nfolder = "D:\\Users"', "write '…' around the text, or / in its place."),
        ('[backup]\nfolder = "D:\\town"', "folder: 'D:\\town' holds a character that nobody can see."),
        ('[mail]\nusername = "TOWN\\nora"', "username: 'TOWN\\nora' holds a character that nobody can see."),
        ('[mail]\npassword = "a\\tb"', "mail.password: the value holds a character that nobody can see."),
        ('[security]\nsecond_factor = ["a\\tb"]', "holds a character that nobody can see."),
        ('[mail]\nhost = "mail.milbrook.example:587"', "must be a name or an address alone"),
        ('[mail]\nhost = "smtp://mail.milbrook.example"', "must be a name or an address alone"),
        ('[server]\nhost = "0.0.0.0:80"', "must be a name or an address alone"),
        ("[history]\nkeep_values_years = 2026", "history.keep_values_years: 2026 must be 200 years or less."),
        ("[history]\nkeep_values_years = -1", "must be 0 or more"),
        ("[mail]\nkeep_days = 800000", "mail.keep_days: 800000 must be 73,000 days or less."),
        ("[security]\nsession_hours = 99999999999", "must be 1,752,000 hours or less."),
        ("[security]\ncitizen_idle_minutes = 0", "must be 1 or more"),
        ("[mail]\ntimeout = 3601", "must be 3,600 seconds or less."),
    ],
)
def test_a_mistake_is_a_sentence_with_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    """Each mistake names the file, the key, and what to write instead."""
    message = refusal(tmp_path, text)
    assert words in message
    assert "townhall.toml" in message


SPANS = [name for name in SETTINGS if name.endswith(("_years", "_days", "_hours", "_minutes", "_timeout"))]


def test_no_span_of_time_is_longer_than_a_calendar() -> None:
    """Whatever setting of years, days, hours or minutes: what it lets through can be reckoned with from any day."""
    assert len(SPANS) == 13
    for name in SPANS:
        setting, unit = SETTINGS[name], name.rpartition("_")[2]
        most = int(setting.problem(10**18).removeprefix("must be ").partition(" ")[0].replace(",", ""))
        assert setting.problem(most) == ""
        days = {"years": 366, "days": 1, "hours": 1 / 24, "minutes": 1 / 1440, "timeout": 1 / 86_400}[unit]
        span = timedelta(days=days * most)
        for day in (datetime(2026, 3, 17, tzinfo=UTC), datetime(2500, 1, 1, tzinfo=UTC)):
            assert day - span < day < day + span


def test_what_looks_strange_and_is_right_is_taken(tmp_path: Path) -> None:
    """A notice of two lines, a path in single quotes, and addresses of IPv6."""
    text = '[town]\nwebsite_notice = "Closed\\non Friday"\n[backup]\nfolder = \'D:\\town\'\n[server]\nhost = "::1"\n'
    settings = load_settings(write(tmp_path, text + '[mail]\nhost = "[2001:db8::5]"\n'), {})
    assert settings.website_notice == "Closed\non Friday"
    assert (settings.backup_folder, settings.host, settings.mail_host) == ("D:\\town", "::1", "[2001:db8::5]")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Two mistakes in the file and one in the environment give three lines."""
    message = refusal(tmp_path, '[town]\nnaem = "x"\ncountry = "usa"\n', TOWNHALL_PORT="many")
    assert len(message.splitlines()) == 3
    assert "Environment: TOWNHALL_PORT: 'many' must be a whole number." in message


def test_a_misspelt_variable_is_told_and_a_strange_one_is_left_alone(tmp_path: Path) -> None:
    """TOWNHALL_DATABSE would be ignored silently, so it is refused; another program's variable is not ours."""
    assert "Did you mean TOWNHALL_DATABASE?" in refusal(tmp_path, "", TOWNHALL_DATABSE="sqlite:///x.db")
    load_settings(tmp_path, {"TOWNHALL_BUILD_STAMP": "7", "TOWNHALL_INSTANCE": "here"})


def test_a_file_that_is_not_text_is_refused_in_words(tmp_path: Path) -> None:
    """A file in another encoding gives a sentence and no traceback."""
    (tmp_path / "townhall.toml").write_bytes(b'[town]\nname = "M\xfcnster"\n')
    with pytest.raises(ConfigurationError, match="save it as UTF-8"):
        load_settings(tmp_path, {})


def test_a_light_colour_is_refused_in_words(tmp_path: Path) -> None:
    """White on the town's colour must reach 5.5:1."""
    assert "choose a darker one" in refusal(tmp_path, '[town]\ncolour = "#ffcc00"')
    assert contrast_with_white("#000000") == pytest.approx(21)
    assert contrast_with_white("#ffffff") == pytest.approx(1)
    assert load_settings(write(tmp_path, '[town]\ncolour = "#0F5669"'), {}).colour == "#0F5669"


def test_the_example_file_explains_every_setting_and_can_be_read(tmp_path: Path) -> None:
    """The example names every setting; as it stands it changes nothing, and uncommented it is the defaults."""
    text = example()
    assert all(f"# {setting.key} = " in text for setting in SETTINGS.values())
    assert load_settings(write(tmp_path, text), {}) == load_settings(tmp_path / "nowhere", {})
    live = "\n".join(line[2:] if " = " in line else line for line in text.splitlines())
    keys = {(name, key) for name, section in tomllib.loads(live).items() for key in section}
    assert keys == {(setting.section, setting.key) for setting in SETTINGS.values()}


def test_the_example_file_takes_any_name(tmp_path: Path) -> None:
    """A name with quotes, backslashes and accents comes back as it was given."""
    name = 'Zoë\'s "Old" \\ Town'
    assert load_settings(write(tmp_path, example({"name": name})), {}).name == name


def test_the_same_key_in_two_sections_is_two_settings(tmp_path: Path) -> None:
    """The server's port and the mail server's are told apart; a password that is wrong is not repeated."""
    settings = load_settings(write(tmp_path, '[server]\nport = 9000\n[mail]\nport = 25\nhost = "mail"\n'), {})
    assert (settings.port, settings.mail_port, settings.mail_host) == (9000, 25, "mail")
    assert load_settings(tmp_path, {"TOWNHALL_MAIL_PASSWORD": "s3cret"}).mail_password == "s3cret"
    words = refusal(tmp_path, '[mail]\npassword = 12345\nsecurity = "ssl"\nfrom = "nobody"')
    assert "12345" not in words
    assert "must be starttls, tls or none" in words
    assert "is no e-mail address" in words


def test_plugins_settings_are_kept_apart(tmp_path: Path) -> None:
    """[plugins.NAME] is handed on for the plugin's manifest to check."""
    settings = load_settings(write(tmp_path, "[plugins.complaints]\nradius = 50\n"), {})
    assert settings.plugins["complaints"] == {"radius": 50}
