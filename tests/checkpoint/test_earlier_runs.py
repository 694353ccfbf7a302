"""Runs of every format that there was are read and answer as they did, or say which version reads them."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from earlier_runs import KINDS, RUNS, answers
from scorax.checkpoint import RunFolder, load_step, verify_run
from scorax.checkpoint._steps import FORMAT
from scorax.cli import main

pytestmark = pytest.mark.reliability

READ = ("3",)
REFUSED = ("1",)
"""There was no second."""


def test_there_is_a_run_of_every_format() -> None:
    assert sorted(path.name for path in RUNS.iterdir()) == sorted(READ + REFUSED)
    assert str(FORMAT) in READ


@pytest.mark.parametrize("format_", READ)
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_whole_and_answers_as_it_did(kind: str, format_: str, tmp_path: Path) -> None:
    """To a part in a thousand: other machines and versions round otherwise. A level of brightness may be the next one."""
    shutil.copytree(RUNS / format_ / kind, tmp_path / "run")
    assert verify_run(RunFolder(tmp_path / "run")).seed == 0
    expected = json.loads((RUNS / format_ / "answers.json").read_text())[kind]
    found = answers(kind, tmp_path / "run", tmp_path)
    assert found.keys() == expected.keys()
    for name in expected:
        off = 1 if kind == "pictures" else 1e-3
        np.testing.assert_allclose(
            np.asarray(found[name], float), np.asarray(expected[name], float), rtol=1e-3, atol=off
        )


@pytest.mark.parametrize("format_", REFUSED)
def test_a_run_that_is_too_old_says_so(format_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(RUNS / format_ / "table", tmp_path / "run")
    with pytest.raises(
        ValueError, match=f"expected format {FORMAT}, got '{format_}'; use the scorax version that wrote"
    ):
        load_step(RunFolder(tmp_path / "run"), fallback=True)
    for command in (["info"], ["sample", "-n", "3", "-o", str(tmp_path / "x.csv")]):
        assert main([command[0], str(tmp_path / "run"), *command[1:]]) == 2
        assert re.fullmatch(r"scorax: error: .*expected .*; .*\n", capsys.readouterr().err)
    assert not (tmp_path / "x.csv").exists()
