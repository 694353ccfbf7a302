"""The lock file: every run-time dependency, each file by its hash, and no address (docs/reliability.md, R17)."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(not LOCK.exists(), reason="a source distribution has no lock file"),
]


def entries() -> list[str]:
    """The requirements of the lock, continued lines joined, comments left out."""
    lines = [line for line in LOCK.read_text().splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def test_every_entry_is_one_version_with_hashes_and_no_address() -> None:
    assert entries()
    for line in entries():
        assert re.fullmatch(r"[a-z0-9.-]+==[0-9][^ ]*( ; [^-]+)?( +--hash=sha256:[0-9a-f]{64})+", line.strip()), line
    assert "://" not in LOCK.read_text()


def test_the_lock_has_what_the_package_asks_for() -> None:
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked: dict[str, list[str]] = {}
    for line in entries():
        name, version = line.split()[0].split("==")
        locked.setdefault(name, []).append(version)
    for requirement in map(Requirement, project["dependencies"]):
        assert requirement.name in locked, f"write the lock anew: {requirement.name} is missing"
        assert all(requirement.specifier.contains(version) for version in locked[requirement.name]), requirement
