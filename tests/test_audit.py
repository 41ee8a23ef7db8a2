"""The audit finds other versions, unknown licences, addresses and known holes, and never claims to have asked."""

from __future__ import annotations

import importlib.util
import subprocess
from email.message import Message
from pathlib import Path
from types import ModuleType
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def audit() -> ModuleType:
    """The program, apart from its folder."""
    spec = importlib.util.spec_from_file_location("audit_program", ROOT / "tests" / "audit" / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def installed(version: str, licence: str = "MIT") -> Any:
    """A distribution of that version."""
    metadata = Message()
    if licence:
        metadata["License-Expression"] = licence
    return SimpleNamespace(version=version, metadata=metadata)


def test_what_is_installed_here_is_in_order(audit: ModuleType) -> None:
    """Every distribution that Townhall brings along, in this very environment."""
    found = audit.installed()
    assert {"flask", "peewee", "werkzeug", "waitress"} <= found.keys()
    assert [*audit.pins(found), *audit.licences(found), *audit.sources(), *audit.known_holes(found)] == []


def test_what_is_not_in_order_is_found(audit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each kind of mistake, one at a time."""
    (told,) = audit.pins({"flask": installed("3.0.0")})
    assert "flask is 3.0.0 here and" in told
    (told,) = audit.pins({"new-thing": installed("1.0")})
    assert "is not in constraints.txt" in told
    for licence in ("GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND SSPL-1.0", ""):
        (told,) = audit.licences({"thing": installed("1.0", licence)})
        assert "is not on the list" in told
    assert list(audit.licences({"thing": installed("1.0", "MIT OR Apache-2.0")})) == []
    (told,) = audit.known_holes({"werkzeug": installed("3.1.0")})
    assert "CVE-" in told
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    requirements = '"flask>=3.0", "thing @ https://evil.example/thing.zip", "loose"'
    project = f"[project]\ndependencies = [{requirements}]\n[project.optional-dependencies]\n"
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
    assert [each.partition(": ")[2].split()[0] for each in audit.sources()] == ["thing", "thing", "loose"]
    assert any("lets in flask" in each for each in audit.known_holes({}))
    monkeypatch.setattr(audit, "CONSTRAINTS", tmp_path / "constraints.txt")
    (tmp_path / "constraints.txt").write_text("thing @ https://evil.example/x\nflask>=3\n", encoding="utf-8")
    assert len(list(audit.pins({}))) == 2


def test_nobody_is_told_that_a_service_was_asked_which_was_not(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an answer it says so and fails where one is required; with one, its holes are a failure."""
    answers: dict[str, str] = {}

    def run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        told = answers.get("told", "") if "pip_audit" in arguments else ""
        return subprocess.CompletedProcess(arguments, 0, told, "connection refused")

    monkeypatch.setattr(audit, "_run", run)
    monkeypatch.setattr(audit.venv, "create", lambda *folder, **options: None)
    assert audit.main([]) == 0
    assert "NOT ASKED" in capsys.readouterr().out
    assert audit.main(["--required"]) == 1
    answers["told"] = '{"dependencies": [{"name": "flask", "skip_reason": "not found"}]}'
    assert audit.main(["--required"]) == 1
    assert "NOT ASKED" in capsys.readouterr().out
    answers["told"] = '{"dependencies": [{"name": "flask", "version": "3", "vulns": [{"id": "CVE-1"}]}]}'
    assert audit.main([]) == 1
    assert "flask 3: CVE-1" in capsys.readouterr().out
    answers["told"] = '{"dependencies": [{"name": "flask", "version": "3", "vulns": []}]}'
    assert audit.main(["--required"]) == 0
    assert "knows of no hole" in capsys.readouterr().out
