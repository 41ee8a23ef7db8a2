"""``townhall demo``: a town in which each kind of colleague finds something to do, and that is never a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from staff_client import StaffClient
from staff_client import main_of

from townhall.app import create_app
from townhall.cli import main
from townhall.cli.demo import PASSWORD
from townhall.demo.names import STAFF
from townhall.town import Town

REQUESTS = "/admin/complaints/service_request/"


@pytest.fixture(scope="module")
def millbrook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The demo as the command builds it."""
    folder = tmp_path_factory.mktemp("demo") / "millbrook"
    built = CliRunner().invoke(main, ["demo", "--folder", str(folder), "--build-only"], catch_exceptions=False)
    assert built.exit_code == 0, built.output
    assert PASSWORD in built.output
    town = Town.open(folder)
    yield town
    town.close()


@pytest.mark.parametrize("name", [first for _, first, _ in STAFF])
def test_everybody_of_the_demo_has_something_to_do(millbrook: Town, name: str) -> None:
    """Each of the staff signs in, every line of their menu opens, and their list of requests has some."""
    desk = StaffClient(create_app(millbrook), f"{name}@millbrook.example", PASSWORD)
    home = desk.get("/admin/")
    menu = home.text.partition("<main")[0]
    for part in menu.split('href="')[1:]:
        address = part.partition('"')[0]
        if address.startswith("/admin"):
            assert desk.get(address, follow_redirects=True).status_code == 200, address
    assert "SR-" in main_of(desk.get(f"{REQUESTS}?view=all"))


def test_a_contractor_of_the_demo_can_finish_a_job(millbrook: Town) -> None:
    """Three requests are theirs, and each offers the move that ends it, with nothing internal beside it."""
    desk = StaffClient(create_app(millbrook), "cole@millbrook.example", PASSWORD)
    listed = desk.get(f"{REQUESTS}?view=all").text
    numbers = {part.partition("/")[0] for part in listed.split(f'href="{REQUESTS}')[1:]}
    mine = sorted(number for number in numbers if number.isdecimal())
    assert len(mine) == 3
    for number in mine:
        page = main_of(desk.get(f"{REQUESTS}{number}/"))
        assert ("Mark as resolved" in page, "Reported by" in page) == (True, False)


def test_a_real_town_is_no_demo(tmp_path: Path) -> None:
    """The command touches no town that it didn't make, and no folder with other files."""
    folder = tmp_path / "town"
    made = ["--instance", str(folder), "init", "--admin", "ada@town.example", "--plugins", "none"]
    environ = {"TOWNHALL_ADMIN_PASSWORD": "correct horse battery"}
    assert CliRunner().invoke(main, made, env=environ).exit_code == 0
    refused = CliRunner().invoke(main, ["demo", "--folder", str(folder), "--fresh", "--build-only"])
    assert (refused.exit_code, "is a real town, not a demo" in refused.output) == (1, True)
    assert (folder / "townhall.toml").exists()
    other = tmp_path / "papers"
    other.mkdir()
    (other / "letter.txt").write_text("Dear all", encoding="utf-8")
    refused = CliRunner().invoke(main, ["demo", "--folder", str(other), "--fresh", "--build-only"])
    assert (refused.exit_code, "it holds other files" in refused.output) == (1, True)
    assert (other / "letter.txt").exists()
