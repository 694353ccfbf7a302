"""Does the printed error of a log-density bound its true error, at every tolerance?

``python likelihood_coverage.py --out FILE.json`` computes log-densities where the truth is known, a record after each case, and
``--table FILE.json`` prints the record. The fields:

- mixtures in 2, 8 and 64 dimensions under EDM, VP, sub-VP and a DDPM table (there the score is a plain function), whose models
  carry the moments of the data, none, or wrong ones; short clocks; narrow components far apart. The rows are draws, points out to
  40 standard deviations, and points half-way between two components. The truth is the closed form of the law at ``t0``;
- a random network and densities fitted to tables. The truth is a solve at 1e-10 of the same field under a clock that goes on to
  sixteen times the noise, so that the law assumed at the end is judged, too. Rows: held-out ones, and three times as wide.

Covered are errors of at most ``total_error``. Rows whose solve has not converged are stated as unbounded and counted apart.
Hutchinson's estimate is a line of its own, in standard errors. ``--weather FILE.csv`` adds the numeric columns of a CSV file
(seattle-weather of vega_datasets) to the tables; ``--only WORD`` takes the cases with a word in their names.
"""

import argparse
import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine

from _machine import machine
from likelihood import network
from scorax import FitConfig, ScoreDensity
from scorax.likelihood import Hutchinson, LogProb, log_prob, row_log_prob
from scorax.models import AbstractScoreModel, Denoiser, ScoreFunction
from scorax.processes import EDM, VP, AbstractGaussianProcess, GaussianLaw, SubVP, Tabulated
from scorax.tables import EnsembleConfig, NetworkConfig, NoiseConfig, TrainingConfig
from scorax.targets import ExactDenoiser, GaussianMixture, gaussian

TOLERANCES = {"float64": tuple(10.0**-k for k in range(1, 9)), "float32": tuple(10.0**-k for k in range(1, 5))}
DDPM = Tabulated.from_betas(np.linspace(1e-4, 0.02, 1000))
PROCESSES = {"EDM": EDM(), "VP": VP(), "sub-VP": SubVP(), "table": DDPM}
REFERENCE = 1e-10
FARTHEST, WIDE = 40.0, 3.0
LONGER = 16.0
EXACT_ROWS = {2: 200, 8: 40, 64: 4}
"""Rows of a mixture at each kind of place, by dimension; they set the time it takes."""

TABLE_ROWS = 60
FEW = 32


@dataclasses.dataclass(frozen=True)
class Case:
    """One field with its rows.

    Attributes:
        name: key in the record.
        model: the score model, in the precision of the context.
        rows: rows in float64 by the kind of place.
        truth: their log-densities at ``t0``, in float64.
        solved: what a strict solve under the clock of the model gives, where the truth is that of a longer one.
    """

    name: str
    model: Callable[[], AbstractScoreModel]
    rows: dict[str, np.ndarray]
    truth: Callable[[np.ndarray], np.ndarray]
    solved: Callable[[np.ndarray], np.ndarray] | None = None


def law(dimension: int, components: int = 3) -> GaussianMixture:
    """Correlated components of unequal weights around random means; about unit variance in every coordinate."""
    generator = np.random.default_rng(dimension * 10 + components)
    factors = generator.standard_normal((components, dimension, dimension)) / np.sqrt(dimension)
    covariances = 0.4 * factors @ factors.transpose(0, 2, 1) + 0.05 * np.eye(dimension)
    means = 0.7 * generator.standard_normal((components, dimension)) * (components > 1)
    return GaussianMixture.create(generator.uniform(1, 3, components), means, covariances)


def narrow(dimension: int) -> GaussianMixture:
    """Two components of a tenth of a standard deviation, two apart along every coordinate."""
    means = np.stack([np.ones(dimension), -np.ones(dimension)])
    return GaussianMixture.create(np.array([0.4, 0.6]), means, np.stack([0.01 * np.eye(dimension)] * 2))


def draws(target: GaussianMixture, count: int) -> np.ndarray:
    """Rows of a law."""
    keys = jax.random.split(jax.random.key(0), count)
    return np.asarray(jax.jit(jax.vmap(lambda key: target.sample(key=key)))(keys))


def far(target: GaussianMixture, count: int) -> np.ndarray:
    """Rows in random directions, out to ``FARTHEST`` standard deviations along each."""
    moments, generator = target.moments(), np.random.default_rng(1)
    directions = generator.standard_normal((count, target.dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    covariance = np.asarray(moments.basis) * np.asarray(moments.variances) @ np.asarray(moments.basis).T
    spread = np.sqrt(np.einsum("ni,ij,nj->n", directions, covariance, directions))
    return np.asarray(moments.mean) + (np.linspace(0, FARTHEST, count) * spread)[:, None] * directions


def midplane(target: GaussianMixture, count: int) -> np.ndarray:
    """Rows within a hundredth of the plane half-way between the first two components."""
    first, second = np.asarray(target.components.mean)[:2]
    generator = np.random.default_rng(2)
    rows = 0.5 * (first + second) + generator.standard_normal((count, target.dimension))
    along = (first - second) / np.linalg.norm(first - second)
    rows -= np.outer((rows - 0.5 * (first + second)) @ along, along)
    return rows + 0.01 * generator.uniform(-1, 1, (count, 1)) * along


def plain(exact: ExactDenoiser) -> ScoreFunction:
    """The same score as a function of the time."""
    return ScoreFunction(fn=lambda t, x, condition: exact(t, x), process=exact.process, moments=exact.moments)


def exact_case(
    name: str,
    build: Callable[[], GaussianMixture],
    process: AbstractGaussianProcess,
    *,
    moments: str = "right",
    function: bool = False,
    count: int = 100,
    places: tuple[str, ...] = ("data", "far", "midplane"),
) -> Case:
    """A closed-form law under a process."""

    def model() -> AbstractScoreModel:
        target = build()
        own = target.moments()
        told = {
            "right": own,
            "none": None,
            "wrong": GaussianLaw(own.mean + 0.3, own.basis, 1.5 * own.variances),
        }[moments]
        exact = ExactDenoiser(target=target, process=process, moments=told)
        return plain(exact) if function else exact

    at = build().at(process.level(jnp.asarray(process.t0)))
    made = {"data": draws, "far": far, "midplane": midplane}
    rows = {place: made[place](at, count) for place in places}
    return Case(name, model, rows, lambda x: np.asarray(jax.jit(jax.vmap(at.log_density))(x)))


def learned_case(name: str, build: Callable[[], Denoiser], rows: np.ndarray) -> Case:
    """A network, judged by a strict solve under a longer clock."""

    def reference(x: np.ndarray, *, longer: float) -> np.ndarray:
        model = build()
        process = model.process
        assert isinstance(process, EDM)
        model = model.with_process(dataclasses.replace(process, t1=longer * process.t1))
        return np.asarray(log_prob(model, x, tolerance=REFERENCE, estimate_error=False).value)

    centre = rows.mean(axis=0)
    truth, solved = (functools.partial(reference, longer=factor) for factor in (LONGER, 1.0))
    return Case(name, build, {"data": rows, "far": centre + WIDE * (rows - centre)}, truth, solved)


@functools.cache
def fitted(name: str, weather: Path | None) -> tuple[ScoreDensity, np.ndarray]:
    """A small density of a table, and the rows it was not fitted to."""
    tables = {"wine": load_wine, "breast cancer": load_breast_cancer}
    table = (
        tables[name](return_X_y=True)[0] if weather is None else np.genfromtxt(weather, delimiter=",", skip_header=1)
    )
    table = np.asarray(table, float)
    table = table[:, ~np.any(np.isnan(table), axis=0)]
    table = table[np.random.default_rng(0).permutation(len(table))]
    config = FitConfig(
        network=NetworkConfig(width=64, depth=2),
        training=TrainingConfig(max_steps=500),
        ensemble=EnsembleConfig(folds=1, starts=("gaussian",)),
        noise=NoiseConfig(candidates=(0.05,)),
    )
    with jax.enable_x64(False):
        return ScoreDensity(config, random_state=0).fit(table[TABLE_ROWS:]), table[:TABLE_ROWS]


def table_case(name: str, weather: Path | None) -> Case:
    """A density fitted to a table, in its own coordinates."""
    density, held_out = fitted(name, weather)
    own = density.fitted_
    return learned_case(f"fitted: {name}", lambda: own.model, own.coordinates.states(held_out, 0).z)


def cases(weather: Path | None) -> Iterator[tuple[str, Callable[[], Case]]]:
    """Name and maker of every case."""
    for d, count in EXACT_ROWS.items():
        for title, process in PROCESSES.items():
            for moments in ("right", "none", "wrong"):
                name = f"mixture, d = {d}, {title}, moments {moments}"
                build = functools.partial(law, d)
                yield (
                    name,
                    functools.partial(
                        exact_case, name, build, process, moments=moments, function=title == "table", count=count
                    ),
                )
    for d in (2, 8):
        name = f"narrow, d = {d}, EDM"
        yield name, functools.partial(exact_case, name, functools.partial(narrow, d), EDM())
    for title, process in {"VP to .5": VP(t1=0.5), "EDM to .7": EDM(t1=0.7)}.items():
        name = f"short, {title}"
        yield name, functools.partial(exact_case, name, functools.partial(law, 2), process, places=("data", "far"))
    for mean, variance in ((3.0, 0.1), (0.5, 1.0), (0.1, 1.0)):
        name = f"N({mean:g}, {variance:g}), EDM, moments none"
        build = functools.partial(gaussian, np.full(1, mean), np.full((1, 1), variance))
        yield name, functools.partial(exact_case, name, build, EDM(), moments="none", places=("data", "far"))
    name = "network"
    rows = np.random.default_rng(1).standard_normal((100, 2))
    yield name, functools.partial(learned_case, name, functools.partial(network, 2), rows)
    for table in ("wine", "breast cancer"):
        yield f"fitted: {table}", functools.partial(table_case, table, None)
    if weather is not None:
        yield "fitted: weather", functools.partial(table_case, "weather", weather)


def answered(model: AbstractScoreModel, rows: np.ndarray, tolerance: float) -> LogProb:
    """What ``log_prob`` says; few rows by the same steps without lanes, of which 64 would be solved."""
    if len(rows) < FEW:
        answer = _few(model, jnp.asarray(rows), jnp.asarray(tolerance, rows.dtype))
    else:
        answer = log_prob(model, rows, tolerance=tolerance)
    return jax.tree.map(np.asarray, answer)


@eqx.filter_jit
def _few(model: AbstractScoreModel, rows: jax.Array, tolerance: jax.Array) -> LogProb:
    return jax.vmap(lambda row: row_log_prob(model, row, tolerance=tolerance))(rows)


def measure(case: Case) -> list[dict[str, Any]]:
    """Errors and bounds of one case: a record for each precision, tolerance and place."""
    found = []
    for precision, tolerances in TOLERANCES.items():
        with jax.enable_x64(precision == "float64"):
            model = case.model()  # once: a score given as a function is compiled anew for each function object
        for place, x in case.rows.items():
            rows = x.astype(precision)
            with jax.enable_x64(True):
                known = {place: case.truth(rows.astype(np.float64))}
                if case.solved is not None:
                    known[f"{place}, solver alone"] = case.solved(rows.astype(np.float64))
            for tolerance in tolerances:
                with jax.enable_x64(precision == "float64"):
                    answer = answered(model, rows, tolerance)
                for bound, (title, truth) in zip(
                    (answer.total_error, answer.solver_error), known.items(), strict=False
                ):
                    found.append(
                        {
                            "precision": precision,
                            "tolerance": tolerance,
                            "place": title,
                            "error": np.abs(answer.value.astype(np.float64) - truth).tolist(),
                            "bound": bound.astype(np.float64).tolist(),
                            "bounded": (answer.converged & np.isfinite(bound)).tolist(),
                            "rounding": (16 * np.finfo(precision).eps * np.maximum(1, np.abs(truth))).tolist(),
                            "evaluations": float(np.mean(answer.evaluations)),
                        }
                    )
    return found


def probed() -> dict[str, Any]:
    """Hutchinson's estimate on draws of a mixture in eight dimensions: errors in standard errors of sixteen probes."""
    case = exact_case("probes", functools.partial(law, 8), VP(), count=200, places=("data",))
    with jax.enable_x64(True):
        x = case.rows["data"]
        answer = log_prob(case.model(), x, divergence=Hutchinson(16), tolerance=1e-4, key=jax.random.key(0))
        low, high = answer.interval(0.95)
        truth = case.truth(x)
    return {"covered": float(np.mean((low <= truth) & (truth <= high))), "rows": len(x)}


def summary(parts: list[dict[str, Any]]) -> str:
    """Rows, share covered of the bounded ones, share unbounded, and how large bound and error are."""
    error, bound, bounded, rounding = (
        np.concatenate([np.asarray(part[key]) for part in parts]) for key in ("error", "bound", "bounded", "rounding")
    )
    kept = bounded.astype(bool)
    ratio = bound[kept] / np.maximum(error[kept], rounding[kept])
    evaluations = np.average([part["evaluations"] for part in parts], weights=[len(part["error"]) for part in parts])
    return (
        f"{len(error)} | {np.mean(error[kept] <= bound[kept]):.4f} | {np.mean(~kept):.4f} | {np.median(ratio):.1f}"
        f" | {np.median(error[kept]):.1e} | {np.max(error[kept]):.1e} | {np.median(bound[kept]):.1e} | {evaluations:.0f}"
    )


def table(record: dict[str, Any]) -> str:
    """The record in Markdown: by tolerance and place over all cases, then case by case over all places and tolerances."""
    head = (
        "rows | covered | unbounded | bound / error, median | error, median | largest | bound, median | evaluations |"
    )
    everything = [part for parts in record["results"].values() for part in parts]
    lines = [f"| precision | tolerance | place | {head}", "|---" * 11 + "|"]
    groups: dict[tuple[str, float, str], list[dict[str, Any]]] = {}
    for part in everything:
        for place in (part["place"], *(() if "solver" in part["place"] else ("all",))):
            groups.setdefault((part["precision"], part["tolerance"], place), []).append(part)
    lines.extend(
        f"| {precision} | {tolerance:g} | {place} | {summary(parts)} |"
        for (precision, tolerance, place), parts in groups.items()
    )
    lines += ["", f"| case | precision | {head}", "|---" * 10 + "|"]
    for name, parts in record["results"].items():
        for precision in TOLERANCES:
            own = [part for part in parts if part["precision"] == precision and "solver" not in part["place"]]
            lines.append(f"| {name} | {precision} | {summary(own)} |")
    if "probes" in record:
        lines += [
            "",
            f"95% intervals of 16 probes cover {record['probes']['covered']:.3f} of {record['probes']['rows']}.",
        ]
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing in the record, then print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("coverage.json"))
    parser.add_argument("--only", default="", help="cases with this in their names")
    parser.add_argument("--weather", type=Path, help="a CSV file of one more table")
    parser.add_argument("--table", type=Path, help="print a record instead of measuring")
    options = parser.parse_args()
    if options.table is not None:
        print(table(json.loads(options.table.read_text())))
        return
    record: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {"results": {}}
    record["machine"] = machine()
    for name, make in cases(options.weather):
        if options.only in name and name not in record["results"]:
            with jax.enable_x64(True):
                case = make()
            record["results"][name] = measure(case)
            print(f"{name}: {summary(record['results'][name])}", flush=True)
            options.out.write_text(json.dumps(record))
            jax.clear_caches()  # the programs of all cases together are more than a process may map
    record.setdefault("probes", probed())
    options.out.write_text(json.dumps(record))
    print(table(record))


if __name__ == "__main__":
    main()
