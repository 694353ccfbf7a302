"""Record batches through a run: the bits of the command line, batch by batch and on two processes of Dask."""

import pickle
import re
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tiny
from scorax import ScoreDensity
from scorax._errors import InputError
from scorax.cli import main
from scorax.tables import sample_batches, score_batches

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "larger.md"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a class and two numbers; ``table.parquet`` with their rows, in other places, and a name of each."""
    folder = tmp_path_factory.mktemp("fleet")
    values = tiny.clusters()[::4]
    near = ["far" if far else "near" for far in values[:, 0] > 7.002]
    table = pa.table({"name": [f"row {k}" for k in range(75)], "b": values[:, 1], "near": near, "a": values[:, 0]})
    pq.write_table(table, folder / "table.parquet", row_group_size=20)
    ScoreDensity(tiny.TINY, random_state=0).fit(table.drop_columns("name").to_pandas()).save(folder / "run")
    return folder


@pytest.fixture(scope="module")
def scored(work: Path) -> pa.Table:
    """What ``scorax logp`` writes of the table."""
    out = work / "logp.parquet"
    assert main(["logp", str(work / "run"), str(work / "table.parquet"), "-o", str(out)]) == 0
    return pq.read_table(out)


def same(found: pa.Table, scored: pa.Table) -> None:
    for name in ("log_density", "error"):
        np.testing.assert_array_equal(found[name].to_numpy(), scored[name].to_numpy())


@pytest.mark.parametrize("size", [75, 30, 1])
def test_batches_have_the_densities_of_the_command_line(work: Path, scored: pa.Table, size: int) -> None:
    table = pq.read_table(work / "table.parquet").slice(0, 75 if size > 1 else 3)
    score = pickle.loads(pickle.dumps(partial(score_batches, run=work / "run")))
    found = pa.Table.from_batches(score(iter(table.to_batches(size))))
    assert found.column_names == ["name", "b", "near", "a", "log_density", "error"]
    assert found.select(["name", "b", "near", "a"]).equals(table)
    same(found, scored.slice(0, len(found)))


def test_draws_are_those_of_the_command_line(work: Path) -> None:
    assert main(["sample", str(work / "run"), "--rows", "5:25", "--seed", "3", "-o", str(work / "new.parquet")]) == 0
    batches = list(sample_batches(range(5, 25), work / "run", seed=3, batch=8))
    assert [batch.num_rows for batch in batches] == [8, 8, 4]
    assert pa.Table.from_batches(batches).equals(pq.read_table(work / "new.parquet"))


def test_an_empty_batch_has_the_columns(work: Path) -> None:
    batch = pq.read_table(work / "table.parquet").slice(0, 0).to_batches()
    empty = batch or [pa.RecordBatch.from_pylist([], pq.read_schema(work / "table.parquet"))]
    (found,) = score_batches(empty, work / "run")
    assert (found.num_rows, found.schema.names[-2:]) == (0, ["log_density", "error"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.append_column("error", t["a"]), "batch 0: expected columns of other names, got a column 'error'"),
        (lambda t: t.drop_columns("a"), "batch 0: expected the column 'a', got none of that name"),
        (lambda t: t.set_column(3, "a", pa.array([np.inf] * 75)), "infinite or too large number in column 'a', row 1"),
        (
            lambda t: t.set_column(3, "a", pa.array([None] * 75, pa.float64())),
            "no row of the fit lacks, got a missing cell",
        ),
    ],
)
def test_batches_that_cannot_be_scored(work: Path, change: object, message: str) -> None:
    assert callable(change)
    table: pa.Table = change(pq.read_table(work / "table.parquet"))
    with pytest.raises(InputError, match=re.escape(message)):
        list(score_batches(table.to_batches(), work / "run"))
    with pytest.raises(InputError, match="the folder of a run, got no such folder"):
        list(score_batches([], work / "none"))


@pytest.fixture
def on_dask(work: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the names of the page's code hold after it has run beside the table and the run."""
    pytest.importorskip("dask.dataframe")
    pytest.importorskip("distributed")
    code = re.findall(r"```python\n(import dask.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code) == 1
    monkeypatch.chdir(work)
    for name, value in (("DISTRIBUTED__DASHBOARD__LINK", ""), ("DASK_DISTRIBUTED__WORKER__DAEMON", "True")):
        monkeypatch.setenv(name, value)
    names: dict[str, object] = {"__name__": "__main__"}  # cloudpickle sends what is defined there by value
    exec(compile(code[0], str(PAGE), "exec"), names)
    return names


@pytest.mark.slow  # two processes start and compile: about forty seconds
def test_two_processes_of_dask_have_the_bits_of_one(work: Path, scored: pa.Table, on_dask: dict[str, object]) -> None:
    same(pq.read_table(work / "scored"), scored)
    assert main(["sample", str(work / "run"), "-n", "1000", "--seed", "1", "-o", str(work / "all.parquet")]) == 0
    new = on_dask["new"]
    assert pq.read_table(work / "all.parquet").equals(new)
