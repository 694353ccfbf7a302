"""Run folders with made-up arrays, for the tests of what is on disk: steps alone, and a whole run with its records."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from scorax import _write
from scorax.checkpoint import (
    Notes,
    RunFacts,
    RunFolder,
    layout_of,
    save_step,
    seal_run,
    tensors_bytes,
    write_sealed_json,
)
from scorax.data import NumberFormat, Table
from scorax.spec import to_json
from scorax.tables import FitConfig, Schema, resolved
from scorax.tables._settings import TableSize


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
        save_step(run, step, arrays(step), Notes(start_loss=(7.0, float(step))))


HELD_OUT = {
    "comparisons": [
        {
            "source": "out-of-fold",
            "rows": 20,
            "failed": 0,
            "model": {
                "mean": -1.0, "error": 0.1, "standardised": -1.0, "quantiles": [-4.0, -3.0, -1.0, 0.0, 0.5],
                "gain": 0.5, "gain_error": 0.1,
            },
            "baselines": [
                {
                    "name": "Gaussian", "description": "", "mean": -1.5, "error": 0.1, "difference": 0.5,
                    "difference_error": 0.1, "rows_better": 0.8, "gain": 0.0, "gain_error": 0.0,
                }
            ],
            "reference": "Gaussian",
            "best": "Gaussian",
        }
    ]
}  # fmt: skip


SAMPLING = {"drawn": 20, "failed": 0}


RECORDS = MappingProxyType({"held_out": HELD_OUT, "sampling": SAMPLING})


def whole_run(path: Path, records: Mapping[str, Any] = RECORDS) -> RunFolder:
    """A finished run of two columns and two steps with every file that a run has; its weights are no network's."""
    run = RunFolder(path).create()
    table = Table(("a", "b"), np.random.default_rng(0).normal(size=(20, 2)), (NumberFormat(),) * 2)
    run.write_json("config.json", to_json(resolved(FitConfig(), TableSize(20, 2, 2))))
    run.write_json("schema.json", Schema.infer(table).to_json())
    _write.write_bytes(run.transform, tensors_bytes({"mean": np.zeros(3)}))
    for step in (1, 2):
        nats = {"held_out_nats": -1.0, "held_out_nats_members": [-1.0, -1.1]}
        _write.append_json_line(
            run.metrics, {"step": step, "validation_loss": 1.5, "train_loss": 1 / step, **nats, "active": 2}
        )
        _write.append_json_line(run.log, {"step": step, "time": 1e9})
        save_step(run, step, arrays(step), Notes(sigma_min=0.1, start="gaussian"))
    for name, record in records.items():
        run.write_json(f"records/{name}.json", record)
    write_sealed_json(run.estimator, {"verbose": 0})
    _write.write_bytes(run.report, b"<html></html>")
    seal_run(run, RunFacts(seed=17, nproc=2, versions={"scorax": "0.1.0"}, sigma_min=0.1))
    return run


def copy_of(run: RunFolder, path: Path) -> RunFolder:
    shutil.copytree(run.path, path, symlinks=True)
    return RunFolder(path)


def files_of(run: RunFolder) -> list[str]:
    """Every file of a run but the lock, which holds nothing."""
    found = (file.relative_to(run.path).as_posix() for file in sorted(run.path.rglob("*")) if file.is_file())
    return [name for name in found if not name.startswith("lock")]
