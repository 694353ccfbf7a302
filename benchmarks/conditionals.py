"""Conditional answers of a trained model beside closed forms: Gaussians and mixtures, random masks, by rows of the fit.

``python benchmarks/conditionals.py --out conditionals.json`` fits each table under masks by the default recipe and asks about
fresh rows: log p(b | a) for random a and b of each size, the rest absent. Beside the error, which is that of the model, stands
that of the likeliest law of the true family (a mixture of as many normal laws, by EM): what so many rows leave open to whoever
knows the family. Then how far the model's answers miss each other: |log p(a, b) - log p(a) - log p(b | a)| on further rows,
median and 99 % conformal quantile. Last, what is stated beside an answer, its numerical error and that quantile, against the
same model by quadrature: p(b | a) as p(a, b) over its integral over b, one target on 256 nodes, two on 48 x 48, on pairs of a
question and a row that the quantile has not seen (``--pairs``, for each number of targets). ``--table`` prints a file.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from _machine import described, machine
from scorax.data import Table
from scorax.metrics import conformal_quantile
from scorax.tables import EnsembleConfig, FitConfig, FitRows, Recipe, TrainingConfig

_FRESH, _CALIBRATION = 200, 200
_NODES = {1: 256, 2: 48}
"""On each axis, by the number of targets: the trapezoidal rule, whose error falls faster than any power for a smooth density."""
_EACH = 10
"""Rows for each question by quadrature."""


class Law:
    """A mixture of normal laws with closed forms for every part given another."""

    def __init__(self, d: int, components: int) -> None:
        random = np.random.default_rng([d, components])
        self.weights = random.dirichlet(np.full(components, 5.0))
        self.means = 1.5 * random.normal(size=(components, d)) * (components > 1)
        roots = random.normal(size=(components, d, d)) / np.sqrt(d)
        self.covariances = roots @ roots.transpose(0, 2, 1) + 0.2 * np.eye(d)

    def draw(self, n: int, seed: int) -> np.ndarray:
        random = np.random.default_rng([n, seed, 7])
        which = random.choice(len(self.weights), n, p=self.weights)
        noise = random.normal(size=(n, self.means.shape[1]))
        return self.means[which] + np.einsum("nij,nj->ni", np.linalg.cholesky(self.covariances)[which], noise)

    def likeliest(self, rows: np.ndarray) -> "Law":
        """The law of the same family that is likeliest for rows."""
        found = GaussianMixture(len(self.weights), n_init=3, random_state=0).fit(rows)
        own = Law(rows.shape[1], len(self.weights))
        own.weights, own.means, own.covariances = found.weights_, found.means_, found.covariances_
        return own

    def marginal(self, rows: np.ndarray, part: list[int]) -> np.ndarray:
        """Log-density of the cells of ``part``; 0 where there are none."""
        if not part:
            return np.zeros(len(rows))
        each = [
            np.log(w) + multivariate_normal(m[part], c[np.ix_(part, part)]).logpdf(rows[:, part])
            for w, m, c in zip(self.weights, self.means, self.covariances, strict=True)
        ]
        return np.logaddexp.reduce(np.reshape(each, (len(each), -1)))

    def conditional(self, rows: np.ndarray, target: list[int], given: list[int]) -> np.ndarray:
        """log p(target | given) of rows."""
        return self.marginal(rows, [*given, *target]) - self.marginal(rows, given)


def questions(d: int, count: int) -> list[tuple[list[int], list[int]]]:
    """Targets and given columns: of every size of the target in turn, the rest known or absent."""
    random, found = np.random.default_rng([d, count, 1]), []
    for k in range(count):
        order = random.permutation(d).tolist()
        targets = 1 + k % min(d - 1, 4)
        known = int(random.integers(1, d - targets + 1))
        found.append((sorted(order[:targets]), sorted(order[targets : targets + known])))
    return found


def integrated(fitted: Any, rows: np.ndarray, target: list[int], spans: np.ndarray) -> np.ndarray:
    """Log of the integral of the density of rows over their cells of ``target``."""
    nodes = _NODES[len(target)]
    axes = [np.linspace(*spans[j], nodes) for j in target]
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(target))
    whole = np.repeat(rows, len(mesh), axis=0)
    whole[:, target] = np.tile(mesh, (len(rows), 1))
    values = fitted.log_prob(whole, estimate_error=False).value.reshape(len(rows), -1)
    return logsumexp(values, axis=1) + sum(np.log(axis[1] - axis[0]) for axis in axes)


def by_quadrature(fitted: Any, law: Law, names: tuple[str, ...], targets: int, pairs: int) -> dict[str, Any]:
    """What is stated beside answers, and how often it holds the distance to the quadrature of the same model."""
    d, random, calibration = len(names), np.random.default_rng([targets, pairs]), law.draw(_CALIBRATION, 3)
    wide = law.draw(20_000, 4)
    spans = np.stack([wide.min(axis=0) - 2, wide.max(axis=0) + 2], axis=1)
    stated, apart = [], []
    for k in range(-(-pairs // _EACH)):
        order = random.permutation(d).tolist()
        target, given = order[:targets], order[targets : targets + int(random.integers(1, d - targets + 1))]
        absent = order[targets + len(given) :]
        rows, own = law.draw(_EACH, 5 + k), calibration.copy()
        rows[:, absent] = own[:, absent] = np.nan
        columns = [names[j] for j in given]
        answer = fitted.log_prob(rows, given=columns)
        consistency = conformal_quantile(fitted.inconsistency(own, columns), 0.99)
        reference = fitted.log_prob(rows).value - integrated(fitted, rows, target, spans)
        stated.append(answer.total_error + consistency)
        apart.append(np.abs(answer.value - reference))
    every, distance = np.concatenate(stated), np.concatenate(apart)
    return {
        "targets": targets,
        "pairs": len(every),
        "holds": float(np.mean(distance <= every)),
        "stated": float(np.median(every)),
        "distance": float(np.median(distance)),
    }


def measured(d: int, components: int, n: int, options: argparse.Namespace) -> dict[str, Any]:
    """One fit and its answers."""
    minutes, asked = options.minutes, options.asked
    law, names = Law(d, components), tuple(f"x{j}" for j in range(d))
    began = time.monotonic()
    ensemble = EnsembleConfig(starts=tuple(options.starts) if options.starts else None)
    config = FitConfig(training=TrainingConfig(masks=0.5, minutes=minutes), ensemble=ensemble)
    given_rows = law.draw(n, 0)
    fit, likeliest = (
        Recipe(config, 0).fit(FitRows(Table.of(given_rows, list(names), "rows"))),
        law.likeliest(given_rows),
    )
    seconds, fitted, fresh = time.monotonic() - began, fit.fitted, law.draw(_FRESH, 1)
    calibration, found = law.draw(_CALIBRATION, 2), []
    for target, given in questions(d, asked):
        columns = [names[j] for j in given]
        absent = [j for j in range(d) if j not in (*target, *given)]
        rows, own = fresh.copy(), calibration.copy()
        rows[:, absent] = own[:, absent] = np.nan
        truth = law.conditional(fresh, target, given)
        error = fitted.log_prob(rows, given=columns).value - truth
        gap = fitted.inconsistency(own, columns)
        found.append(
            {
                "targets": len(target),
                "known": len(given),
                "median": float(np.median(np.abs(error))),
                "mean": float(np.mean(error)),
                "likeliest": float(np.median(np.abs(likeliest.conditional(fresh, target, given) - truth))),
                "inconsistency": float(np.median(gap)),
                "consistency": conformal_quantile(gap, 0.99),
            }
        )
        print(found[-1], flush=True)
    whole = law.marginal(fresh, list(range(d)))
    gap = fitted.log_prob(fresh).value - whole
    return {
        "d": d,
        "components": components,
        "rows": n,
        "seconds": seconds,
        "whole": float(np.median(np.abs(gap))),
        "whole_likeliest": float(np.median(np.abs(likeliest.marginal(fresh, list(range(d))) - whole))),
        "questions": found,
        "quadrature": [
            by_quadrature(fitted, law, names, targets, pairs)
            for targets, pairs in zip(_NODES, options.pairs, strict=True)
            if pairs
        ],
    }


def table(records: list[dict[str, Any]]) -> str:
    """Markdown: a line for each fit and number of targets."""
    lines = [
        "| law | rows | targets | error, median | mean | of the likeliest | inconsistency, median | 99 % | fit, s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for own in records:
        kind = _kind(own)
        for targets in sorted({q["targets"] for q in own["questions"]}):
            part = [q for q in own["questions"] if q["targets"] == targets]
            names = ("median", "mean", "likeliest", "inconsistency", "consistency")
            mean = {k: np.mean([q[k] for q in part]) for k in names}
            lines.append(
                f"| {kind}, d = {own['d']} | {own['rows']:,} | {targets} | {mean['median']:.3f} | {mean['mean']:+.3f} | "
                f"{mean['likeliest']:.3f} | {mean['inconsistency']:.3f} | {mean['consistency']:.3f} | {own['seconds']:.0f} |"
            )
        lines.append(
            f"| {kind}, d = {own['d']} | {own['rows']:,} | all, given nothing | {own['whole']:.3f} | | "
            f"{own['whole_likeliest']:.3f} | | | |"
        )
    lines += [
        "",
        "| law | rows | targets | pairs | stated, median | distance to the quadrature, median | holds |",
        "|" + "---|" * 7,
    ]
    for own in records:
        for q in own["quadrature"]:
            lines.append(
                f"| {_kind(own)}, d = {own['d']} | {own['rows']:,} | {q['targets']} | {q['pairs']} | {q['stated']:.3f} | "
                f"{q['distance']:.3f} | {q['holds']:.3f} |"
            )
    return "\n".join(lines)


def _kind(record: dict[str, Any]) -> str:
    return "Gaussian" if record["components"] == 1 else f"mixture of {record['components']}"


def main() -> None:
    """Fit, ask, and keep a record after each fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dimensions", type=int, nargs="*", default=[5, 12])
    parser.add_argument("--components", type=int, nargs="*", default=[1, 3])
    parser.add_argument("--rows", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument(
        "--starts", nargs="*", help="what untrained members are, such as gaussian mixture; left out: chosen"
    )
    parser.add_argument("--asked", type=int, default=8)
    parser.add_argument("--pairs", type=int, nargs=2, default=[500, 100], help="by quadrature, of one and two targets")
    parser.add_argument("--table", action="store_true")
    own = parser.parse_args()
    if not own.table:
        records = []
        for d in own.dimensions:
            for components in own.components:
                for n in own.rows:
                    records.append(measured(d, components, n, own))
                    text = json.dumps({"machine": machine("numpy", "scipy"), "records": records}, indent=1)
                    own.out.write_text(text + "\n")
    found = json.loads(own.out.read_text())
    print(described(found["machine"]) + "\n\n" + table(found["records"]))


if __name__ == "__main__":
    main()
