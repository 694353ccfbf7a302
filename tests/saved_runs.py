"""Steps of a run folder with made-up arrays, for the tests of checkpoints."""

import numpy as np

from scorax import _write
from scorax.checkpoint import RunFolder, layout_of, save_step


def arrays(mark: float) -> dict[str, dict[str, np.ndarray]]:
    return {
        "weights": {"layer/w": np.full((3, 4), mark, np.float32), "layer/b": np.arange(4.0)},
        "optimizer": {"count": np.array(int(mark)), "done": np.array([True, False])},
        "progress": {"best": np.array(np.inf), "empty": np.zeros((0, 3), np.float32)},
    }


EXPECTED = {group: layout_of(named) for group, named in arrays(0).items()}


def train(run: RunFolder, *steps: int) -> None:
    for step in steps:
        _write.append_json_line(run.metrics, {"step": step, "loss": 1 / step})
        save_step(run, step, arrays(step), {"seed": 7, "step": step})
