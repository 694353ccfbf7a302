"""A run folder without steps."""

from pathlib import Path

import numpy as np
import pytest

from scorax import _write
from scorax.checkpoint import RunFolder, tensors_bytes


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "run").create()
    run.write_json("config.json", {"format": 1})
    run.write_json("schema.json", {"version": 1, "columns": []})
    _write.write_bytes(run.transform, tensors_bytes({"mean": np.zeros(3)}))
    return run
