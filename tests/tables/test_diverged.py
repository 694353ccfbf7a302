"""A fit of a table that does not stay finite: what its line says, what is on disk, and what is skipped and counted."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

from scorax._errors import DivergedError
from scorax._events import Event, Note
from scorax.checkpoint import RunFolder
from scorax.data import NumberFormat, Table
from scorax.objectives import DenoisingScoreMatching
from scorax.tables import FitRows, examine, fit_run
from tiny import TINY

pytestmark = pytest.mark.reliability

NAMES = ("calm", "wild", "plain")


@pytest.fixture
def rows() -> FitRows:
    values = np.random.default_rng(0).normal(size=(60, 3))
    values[17, 1] = 30.0
    return FitRows(Table(NAMES, values, (NumberFormat(),) * 3))


def spoil(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training loss of a batch with the extreme row is NaN, as an overflow would make it."""
    plain = DenoisingScoreMatching.__call__

    def loss(self, model, x0, u, condition=None, *, key, training=True):
        value = plain(self, model, x0, u, condition, key=key, training=training)
        return jnp.where(jnp.any(jnp.abs(x0) > 4) & training, jnp.nan, value)

    monkeypatch.setattr(DenoisingScoreMatching, "__call__", loss)
    jax.clear_caches()


def finite_steps(run: Path) -> list[int]:
    """Steps on disk, each of which is read and finite."""
    folder = RunFolder(run)
    for step in folder.saved_steps():
        for file in (folder.step_path(step)).glob("*.safetensors"):
            if file.stem != "progress":
                assert all(np.isfinite(array).all() for array in load_file(file).values()), file
    return folder.saved_steps()


def test_the_line_names_step_quantity_rate_gradient_and_columns(rows, tmp_path, monkeypatch):
    spoil(monkeypatch)
    with pytest.raises(DivergedError) as caught:
        fit_run(rows, tmp_path / "run", TINY, seed=0, records=False)
    error = caught.value
    line = str(error)
    assert f"got a loss that is not, at step {error.fault.step} of member" in line
    assert f"(gradient norm {error.fault.gradient_norm:.3g}; learning rate " in line
    numbers = examine(rows.table).schema.columns[1].encode(rows.table.values[:, 1]).numbers[:, 0]
    off = (numbers[17] - numbers.mean()) / numbers.std()
    assert f"farthest off in its batch: 'wild' by {off:.3g}" in line.replace('"', "'")
    assert "\n" not in line
    assert error.exit_code == 4
    assert finite_steps(tmp_path / "run") == [0]
    jax.clear_caches()


def test_skipped_steps_are_noted_and_counted_in_the_log(rows, tmp_path, monkeypatch):
    spoil(monkeypatch)
    run, events = tmp_path / "run", list[Event]()
    config = replace(TINY, training=replace(TINY.training, nan="skip", batch_size=4, max_steps=20, patience=20))
    fit_run(rows, run, config, seed=0, records=False, on_event=events.append)
    counts = [
        line["skipped"] for line in map(json.loads, (run / "log.jsonl").read_text().splitlines()) if "skipped" in line
    ]
    assert counts
    assert counts == sorted(set(counts))
    notes = [event.text for event in events if isinstance(event, Note) and "not finite and are skipped" in event.text]
    assert len(notes) == len(counts)
    assert notes[-1].endswith(f"{counts[-1]} in all")
    assert finite_steps(run)[-1] > 0
    jax.clear_caches()
