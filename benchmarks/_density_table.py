"""Records of the density benchmark to a table: means over splits, and paired differences with their standard errors."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Records = dict[str, dict[str, Any]]


class Difference(NamedTuple):
    """Paired difference of two methods on the same rows.

    Attributes:
        mean: mean over splits of the mean over test rows.
        over_splits: standard error over splits as if they were independent.
        corrected: the same for splits that share rows (Nadeau and Bengio 2003): variance times 1/S + test/train rows in
            place of 1/S; equal to ``over_splits`` for toys, which are drawn anew.
        pooled: standard error over all test rows of all splits as if they were independent.
        wins: splits on which the first method is ahead.
    """

    mean: float
    over_splits: float
    corrected: float
    pooled: float
    wins: int


def key(data: str, seed: int, method: str) -> str:
    """Name of a record."""
    return f"{data}/{seed}/{method}"


def difference(records: Records, data: str, seeds: Sequence[int], first: str, second: str) -> Difference:
    """``first`` minus ``second`` on the splits of ``seeds``."""
    pairs = [(records[key(data, seed, first)], records[key(data, seed, second)]) for seed in seeds]
    rows = [np.array(a["values"]) - np.array(b["values"]) for a, b in pairs]
    means = np.array([row.mean() for row in rows])
    pooled = np.concatenate(rows)
    spread = float(means.std(ddof=1)) if len(means) > 1 else math.nan
    train, test, _ = pairs[0][0]["shape"]
    overlap = 0.0 if pairs[0][0]["truth"] is not None else test / train
    return Difference(
        float(means.mean()),
        spread / math.sqrt(len(means)),
        spread * math.sqrt(1 / len(means) + overlap),
        float(pooled.std(ddof=1) / math.sqrt(len(pooled))),
        int((means > 0).sum()),
    )


def markdown(records: Records, data: Sequence[str], seeds: Sequence[int], methods: Sequence[str], ours: str) -> str:
    """Two tables: mean log-densities with times over the splits where ``ours`` is finished, and differences of ``ours``."""
    nats = [["data", "rows, columns", "splits", "true law", *methods, ours, "fit, s", "score, s", "baselines, s"]]
    paired = [["data", "minus", "difference", "SE splits", "SE corrected", "SE pooled", "splits ahead"]]
    for name in data:
        own = [seed for seed in seeds if key(name, seed, ours) in records]
        if not own:
            continue
        train, test, columns = records[key(name, own[0], ours)]["shape"]
        means = [_mean(records, name, own, method) for method in (*methods, ours)]
        seconds = [
            _field(records, name, own, method, field)
            for method, field in ((ours, "fit_seconds"), (ours, "score_seconds"), (methods[0], "fit_seconds"))
        ]
        truth = _field(records, name, own, ours, "truth", 3)
        nats.append([name, f"{train} + {test}, {columns}", str(len(own)), truth, *means, *seconds])
        for method in methods:
            both = [seed for seed in own if key(name, seed, method) in records]
            if both:
                d = difference(records, name, both, ours, method)
                errors = (f"{d.over_splits:.3f}", f"{d.corrected:.3f}", f"{d.pooled:.3f}")
                paired.append([name, method, f"{d.mean:+.3f}", *errors, f"{d.wins} of {len(both)}"])
    return f"{_table(nats)}\n\n{ours} minus a baseline, nats per row:\n\n{_table(paired)}"


def _mean(records: Records, data: str, seeds: Sequence[int], method: str) -> str:
    """Mean over splits of the mean over test rows; empty unless all splits are finished."""
    found = [records[name]["values"] for seed in seeds if (name := key(data, seed, method)) in records]
    return f"{np.mean([np.mean(values) for values in found]):.3f}" if len(found) == len(seeds) else ""


def _field(records: Records, data: str, seeds: Sequence[int], method: str, field: str, digits: int = 1) -> str:
    """Mean of a field over splits; empty where a split has none."""
    found = [records[name][field] for seed in seeds if (name := key(data, seed, method)) in records]
    return f"{np.mean(found):.{digits}f}" if len(found) == len(seeds) and None not in found else ""


def _table(rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
