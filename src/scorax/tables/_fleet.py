"""Rows through a run batch by batch, in Arrow's record batches: what fleets of machines (Dask, Ray, Spark) hand around."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from scorax._errors import InputError, explain, refusal
from scorax._text import listing
from scorax.checkpoint import RunFolder
from scorax.data import arrow_batch, table_of_batch
from scorax.tables._score_density import ScoreDensity

_ADDED = ("log_density", "error")


def score_batches(
    batches: Iterable[pa.RecordBatch],
    run: str | os.PathLike[str],
    *,
    seed: int = 0,
    tolerance: float | None = None,
    draws: int = 4,
    given: Sequence[str] = (),
) -> Iterator[pa.RecordBatch]:
    """Record batches with the columns ``log_density`` and ``error`` added, the bits that ``scorax logp`` writes.

    The answer for a row follows from its cells and the seed: not from its batch, its place, or the process. A process reads a run
    once and keeps it. The function and its arguments pickle, so ``partial(score_batches, run=...)`` goes to workers as it is;
    they read the run from a folder that they share. Bits are those of one kind of machine, version of JAX and number of XLA's
    threads (``NPROC``, which ``scorax info`` shows of a run, set before a worker starts).

    Args:
        batches: rows with the columns of the run, in any order; others stay and are not looked at.
        run: the folder of a finished run of a table.
        seed: of the noise inside the cells of rounded columns, and of probes.
        tolerance: wanted error of the solve in nats; that of the run where it is ``None``, or of the precision.
        draws: of noisy codes a row, where there are categories.
        given: columns that are known, of a run trained under masks: the density of all others given these.

    Yields:
        For every batch the same rows in their order, in nats and in the units of the columns; see
        :meth:`ScoreDensity.log_prob_rows` and :class:`~scorax.likelihood.LogProb`, whose ``total_error`` is ``error``.
        What is no number is null.

    Raises:
        InputError: the run is damaged or unfinished, a batch lacks a column or has one named as those that are added, or a row
            has no density under the run. It is raised when the batch is reached.
    """
    density = _loaded(run)
    for number, batch in enumerate(batches):
        where = f"batch {number}"
        taken = [name for name in _ADDED if name in batch.schema.names]
        if taken:
            got, do = f"a column {listing(taken)}", "rename or drop it"
            raise refusal(where, expected="columns of other names", got=got, do=do)
        value, error = np.empty(0), np.empty(0)
        if batch.num_rows:
            values = density.schema_.match(table_of_batch(batch, where), where)
            density.fitted_.require_scorable(values, where)
            answer = density.log_prob_rows(values, seed=seed, tolerance=tolerance, draws=draws, given=given)
            value, error = (np.asarray(own, np.float64) for own in (answer.value, answer.total_error))
        added = [pa.array(own, mask=np.isnan(own)) for own in (value, error)]
        yield pa.RecordBatch.from_arrays([*batch.columns, *added], [*batch.schema.names, *_ADDED])


def sample_batches(
    rows: range, run: str | os.PathLike[str], *, seed: int = 0, batch: int = 8192
) -> Iterator[pa.RecordBatch]:
    """Rows of the endless table of a seed in record batches: what ``scorax sample --rows A:B`` writes, for ``range(A, B)``.

    Row k depends on the seed and k alone. See :func:`score_batches` for what a process keeps and whose bits they are.

    Args:
        rows: numbers of the rows, one after the other.
        run: the folder of a finished run of a table.
        seed: of the table.
        batch: rows in a batch, the last one apart; does not change them.

    Yields:
        Batches with the columns of the run, of the types they have in Parquet.

    Raises:
        InputError: the run is damaged or unfinished, or ``rows`` has steps or ``batch`` is below 1.
    """
    if rows.step != 1 or rows.start < 0 or batch < 1:
        got = f"{rows} in batches of {batch}"
        do = "pass range(A, B) and batch=8192"
        raise InputError(explain(expected="rows one after the other, in batches of a row or more", got=got, do=do))
    density = _loaded(run)
    schema = density.schema_
    for start in range(rows.start, rows.stop, batch):
        values = density.sample_rows(start, min(batch, rows.stop - start), seed)
        yield arrow_batch(values, schema.names, schema.formats, "the draws")


def _loaded(run: str | os.PathLike[str]) -> ScoreDensity:
    """The model of a run, read once in a process as long as its folder holds the same run."""
    facts = RunFolder(run).require().run
    return _read(str(Path(run).absolute()), facts.read_bytes() if facts.is_file() else b"")


@lru_cache(maxsize=2)
def _read(run: str, seal: bytes) -> ScoreDensity:
    """The model of a run whose ``run.json``, with the hash of every other file, has these bytes."""
    return ScoreDensity.load(run)
