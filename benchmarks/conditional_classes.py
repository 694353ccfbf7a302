"""Are the probabilities of a class given the other columns nearer to what came than a forest's and a Gaussian process's?

``python benchmarks/conditional_classes.py fit.csv held.csv --target class --out classes.json`` fits
``ScoreConditional`` with its defaults to the first file beside

- **forest**: scikit-learn's random forest of 300 trees, 5 rows a leaf;
- **boosting**: its histogram gradient boosting, which stops early;
- **process**: its Gaussian process classifier (Laplace's approximation), one width for each column, on 1,000 rows drawn
  by the seed: its time grows with their cube.

All are fitted to three quarters of the rows. Reported are, on the rows of the second file, the mean log-probability of
what came in nats, the Brier score (which is the ranked probability score of one of two classes), how often the
likeliest class came, and of ``ScoreConditional`` how often its sets of classes, calibrated on the fourth quarter, hold
what came: 90 % are asked. ``--table`` prints a file.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.model_selection import train_test_split

from _machine import described, machine
from scorax import FitConfig, ScoreConditional
from scorax.tables import TrainingConfig

LEVEL, PROCESS_ROWS = 0.9, 1000


def by_scorax(own: argparse.Namespace) -> Any:
    return ScoreConditional(FitConfig(training=TrainingConfig(minutes=own.minutes)), random_state=own.seed)


def by_forest(own: argparse.Namespace) -> Any:
    return RandomForestClassifier(300, min_samples_leaf=5, random_state=own.seed)


def by_boosting(own: argparse.Namespace) -> Any:
    return HistGradientBoostingClassifier(early_stopping=True, random_state=own.seed)


class Process:
    """A Gaussian process classifier of standardised columns and some of the rows."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def fit(self, X: pd.DataFrame, y: pd.Series) -> "Process":
        rows = X.to_numpy(float)
        some = self._random.permutation(len(rows))[:PROCESS_ROWS]
        self._center, self._scale = rows.mean(axis=0), rows.std(axis=0)
        kernel = ConstantKernel() * RBF(np.ones(rows.shape[1]))
        self._law = GaussianProcessClassifier(kernel).fit(self._put(rows[some]), y.to_numpy()[some])
        self.classes_ = self._law.classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self._law.predict_proba(self._put(X.to_numpy(float)))

    def _put(self, rows: np.ndarray) -> np.ndarray:
        return (rows - self._center) / self._scale


METHODS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "scorax": by_scorax,
    "forest": by_forest,
    "boosting": by_boosting,
    "process": lambda own: Process(own.seed),
}


def measured(method: str, own: argparse.Namespace) -> dict[str, Any]:
    """One law on the files."""
    fit, held = pd.read_csv(own.fit), pd.read_csv(own.held)
    fit, kept = train_test_split(fit, test_size=0.25, random_state=own.seed)
    X, y = fit.drop(columns=own.target), fit[own.target]
    at, came = held.drop(columns=own.target), held[own.target].to_numpy()
    began = time.monotonic()
    law = METHODS[method](own).fit(X, y)
    chances = np.asarray(law.predict_proba(at))
    hit = came[:, None] == np.asarray(law.classes_)
    root = np.sqrt(len(came))
    logs = np.log(np.maximum(chances[hit], 1e-12))
    brier = np.sum((chances - hit) ** 2, axis=1) / 2
    found = {
        "method": method,
        "rows": len(X),
        "held": len(came),
        "log_probability": float(logs.mean()),
        "log_probability_error": float(logs.std() / root),
        "brier": float(brier.mean()),
        "brier_error": float(brier.std() / root),
        "right": float(np.mean(hit[np.arange(len(came)), chances.argmax(axis=1)])),
        "seconds": time.monotonic() - began,
    }
    if method == "scorax":
        law.calibrate(kept.drop(columns=own.target), kept[own.target])
        sets = law.predict_set(at, LEVEL, random_state=own.seed)
        found |= {"in_sets": float(np.mean(sets[hit])), "size_of_sets": float(sets.sum(axis=1).mean())}
    print(found, flush=True)
    return found


def table(records: list[dict[str, Any]]) -> str:
    """Markdown: a line for each law."""
    lines = [
        "| law | rows | log-probability, nats | Brier score | likeliest class came | 90 % sets hold | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in records:
        sets = f"{r['in_sets']:.3f} (of {r['size_of_sets']:.2f} classes)" if "in_sets" in r else ""
        lines.append(
            f"| {r['method']} | {r['rows']:,} | {r['log_probability']:.4f} ± {r['log_probability_error']:.4f} | "
            f"{r['brier']:.4f} ± {r['brier_error']:.4f} | {r['right']:.4f} | {sets} | {r['seconds']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Fit, score, and keep a record after each law."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fit", type=Path)
    parser.add_argument("held", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=METHODS)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true")
    own = parser.parse_args()
    if not own.table:
        records = []
        for method in own.methods:
            records.append(measured(method, own))
            facts = machine("scikit-learn", "numpy")
            own.out.write_text(json.dumps({"machine": facts, "records": records}, indent=1) + "\n")
    found = json.loads(own.out.read_text())
    print(described(found["machine"]) + "\n\n" + table(found["records"]))


if __name__ == "__main__":
    main()
