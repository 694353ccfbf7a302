"""The Python of the README and of docs/processes.md runs as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


def _blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)


BLOCKS = _blocks("README.md")


@pytest.mark.parametrize(
    "number",
    [pytest.param(0, marks=pytest.mark.slow), 1],  # the first is a whole fit with the defaults: minutes
)
def test_block_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(BLOCKS[number], f"README block {number}", "exec"), names)
    if "density" in names:
        assert names["new"].shape == (1000, 4)
        assert np.all(names["answer"].converged)
        assert (tmp_path / "runs" / "iris" / "config.json").exists()
    else:
        # The data are N(0, I): the entropy of a sample's law is 2.84 nats, and the score at x is about -x.
        assert abs(float(names["answer"].value.mean()) + 2.84) < 0.15
        np.testing.assert_allclose(names["score"], -names["x"][0], atol=0.5)


def test_both_examples_are_there() -> None:
    assert len(BLOCKS) == 2


@pytest.mark.slow  # a training under an SDE without a kernel: about half a minute
def test_process_of_ones_own() -> None:
    """Fewer than 30 lines, blank ones aside; what it says of its error holds with room for another machine's last bits."""
    (block,) = _blocks("docs/processes.md")
    assert len([line for line in block.splitlines() if line]) < 30
    names: dict = {}
    exec(compile(block, "docs/processes.md", "exec"), names)
    assert np.isfinite(names["samples"]).all()
    assert 0 < names["error"] < 0.12
    assert np.mean(names["floor"]) < 0.06
