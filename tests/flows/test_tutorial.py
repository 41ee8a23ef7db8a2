"""The tutorial's module works as the tutorial says: its files are taken from the page itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import system
from townhall.errors import ValidationFailed
from townhall.lifecycle import switching
from townhall.testing.scaffolding import Project
from townhall.testing.scaffolding import make_project
from townhall.town import Town

PAGE = Path(__file__).parent.parent.parent / "docs" / "tutorial" / "declare-a-type.md"
IDENTITY = "allotments.request"
VENDOR_PAGE = PAGE.with_name("write-a-module.md")
EXAMPLE = PAGE.parents[2] / "examples" / "townhall-potholes"
SHOWN = sorted(
    file
    for folder in ("townhall_potholes", "tests")
    for file in (EXAMPLE / folder).rglob("*.*")
    if file.suffix != ".pyc"
)


@pytest.fixture
def allotments(town: Town) -> Town:
    """A town with the tutorial's module, written as the page has it and switched on."""
    blocks = re.findall(r"```toml\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for name, text in blocks:
        path = town.instance / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    switching.enable(town, system(), "allotments")
    return town


def test_a_resident_asks_and_a_clerk_offers(allotments: Town) -> None:
    """The public form makes a request with its sender; the clerk's move asks for the plot; the citizen accepts."""
    records = allotments.records
    sent = records.create(
        ANONYMOUS,
        IDENTITY,
        {"site": "weir", "size": "600", "greenhouse": False},
        form="public",
        contact={"name": "Halina Nowak", "email": "halina@post.example"},
    )
    record = records.get(system(), IDENTITY, sent.id)
    assert record.title == "Halina Nowak, By the weir"
    assert re.fullmatch(r"AL-\d{4}-0001", record.number)
    with pytest.raises(ValidationFailed):
        records.transition(system(), IDENTITY, record.id, "offer", version=record.version)
    offered = records.transition(system(), IDENTITY, record.id, "offer", {"plot": "12b"}, version=record.version)
    done = records.transition(system(), IDENTITY, record.id, "accept", version=offered.version)
    assert done.state == "let"
    assert done.closed is not None


def test_the_check_of_the_tutorial_holds(allotments: Town) -> None:
    """A greenhouse on a small garden is refused with the page's sentence."""
    with pytest.raises(ValidationFailed, match="A greenhouse needs a garden of 400 sq ft or more"):
        allotments.records.create(
            ANONYMOUS,
            IDENTITY,
            {"site": "weir", "size": "300", "greenhouse": True},
            form="public",
            contact={"name": "Halina Nowak", "email": "halina@post.example"},
        )


def test_the_vendors_tutorial_leaves_nothing_of_what_it_began_with(tmp_path: Path) -> None:
    """Each file of the new project is replaced, is deleted because the page says so, or has nothing to replace."""
    page = VENDOR_PAGE.read_text(encoding="utf-8")
    made = make_project(Project("potholes", "", "pothole"), tmp_path / "new", hooks=True)
    places = {file.relative_to(tmp_path / "new").as_posix() for file in made}
    left = {place for place in places if f"# {place}\n" not in page and f"Delete `{place}`" not in page}
    assert left == {"README.md", "pyproject.toml"}


@pytest.mark.parametrize("file", SHOWN, ids=lambda file: file.name)
def test_the_vendors_tutorial_shows_the_example(file: Path) -> None:
    """Every file of the example's module and tests stands in the tutorial word for word; the example's tests run."""
    place = file.relative_to(EXAMPLE).as_posix()
    assert f"# {place}\n{file.read_text(encoding='utf-8')}```" in VENDOR_PAGE.read_text(encoding="utf-8")
