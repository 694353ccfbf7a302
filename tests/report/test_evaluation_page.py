"""The page of an evaluation: whole or not there, and text whatever columns are called."""

import contextlib
from pathlib import Path

import numpy as np
import pytest

from faults import Crash, Faulty
from scorax import _write
from scorax._mixed_rows import MixedRows
from scorax.diagnostics import Axis, RowsBeside, generated_records, held_out_records
from scorax.records import Evaluation, Generated
from scorax.report import write_evaluation


def _generated(names: tuple[str, str]) -> Generated:
    axes = [Axis(names[0], "continuous"), Axis(names[1], "category", categories=("a", "b"))]
    parts = []
    for seed in range(3):
        generator = np.random.default_rng(seed)
        parts.append(MixedRows(generator.standard_normal((30, 1)), generator.integers(0, 2, (30, 1)), (2,)))
    return generated_records(RowsBeside(axes, *parts), target=1)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    values = np.random.default_rng(0).standard_normal(20)
    comparison = held_out_records(values, {"Gaussian copula": values - 1}, source="test file", drawn_from=50)
    return Evaluation(seed=0, draws=1, held_out=comparison, generated=_generated(("<script>x</script>", "a\u202eb")))


def test_hostile_names_stay_text(evaluation: Evaluation, tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    write_evaluation(page, evaluation, (), run=tmp_path / "run", test=tmp_path / "t.csv")
    text = page.read_text()
    assert "<script" not in text
    assert "\u202e" not in text
    assert "20 of 50 rows" in text


def test_whoever_dies_leaves_the_page_that_was_there_or_the_new_one(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.html"

    def write() -> None:
        write_evaluation(page, evaluation, (), run=tmp_path / "run", test=tmp_path / "t.csv")

    write()
    whole, at = page.read_bytes(), 0
    while True:
        page.write_bytes(b"before")
        machine = Faulty(at, "crash")
        monkeypatch.setattr(_write, "system", machine)
        with contextlib.suppress(Crash):
            write()
        monkeypatch.undo()
        assert page.read_bytes() in (b"before", whole)
        if not machine.hit:
            break
        at += 1
    assert at > 5
