"""The Python of the README runs as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest

BLOCKS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[1] / "README.md").read_text(), flags=re.DOTALL)


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
