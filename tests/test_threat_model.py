"""The threat model claims nothing that no test proves."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "explanation" / "threat-model.md"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_claim_names_tests_that_exist() -> None:
    """Each row of a threat has what stops it and at least one test, and each named test is there."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    claims = [cells for line in rows if len(cells := line.strip("| ").split(" | ")) == 3 and "::" in line]
    headings = [line for line in rows if line == "| threat | what stops it | proved by |"]
    others = [line for line in rows if "::" not in line and line not in headings and not line.startswith("| who ")]
    assert len(claims) > 35
    assert len(headings) == 6
    named = [pair for line in rows for pair in _TEST.findall(line)]
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert missing == []
    assert all(_TEST.search(cells[2]) for cells in claims)
    # Rows without a test are those of the table of who attacks.
    attackers = PAGE.read_text(encoding="utf-8").partition("## Who attacks")[2].partition("## Where")[0]
    assert [line for line in others if line not in attackers] == []


def test_what_is_not_guarded_is_said() -> None:
    """There is always something."""
    rest = PAGE.read_text(encoding="utf-8").partition("## What isn't guarded")[2]
    assert rest.count("\n- ") >= 8
    assert "docs/explanation/threat-model.md" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
