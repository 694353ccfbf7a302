"""Time and error of the log-densities of many points, scorax beside torch packages on the same fields.

``python likelihood.py --out likelihood.json`` measures what the record lacks, with flow_matching, zuko and scipy's loop if this
Python has the ``peers`` group; ``--table likelihood.json`` prints the record. A case is measured whole: all its methods at all
their tolerances in turn, nine times, so that a ratio is that of one turn. Threads are those of ``NPROC``, for torch too.
"""

import argparse
import dataclasses
import functools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from _likelihood_table import markdown
from _machine import described, machine
from _sampler_target import target
from scorax._divergence import value_and_quadratic_forms
from scorax.likelihood import log_prob
from scorax.models import AbstractDenoiser, Denoiser, flow_ends, flow_field, terminal_log_density
from scorax.networks import MLP
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import EDM, GaussianLaw
from scorax.targets import ExactDenoiser, GaussianMixture
from scorax.training import adamw, fit

PROCESS = EDM()
LONG = 10.0
"""Seconds of a run from which on a method takes a third of the turns."""

REFERENCE_TOLERANCE = 1e-9
NETWORK_REFERENCE_ROWS = 100
"""Rows on which the error on a network's field is taken: its reference is a solve in float64, which is slow."""

TRAINING_STEPS = 3000
WIDTHS = {2: (128, 3), 64: (256, 4)}
Method = Callable[[float], tuple[np.ndarray, float]]


@dataclasses.dataclass(frozen=True)
class Case:
    """One field, and whether the divergence is exact or by one random direction."""

    field: str
    dimension: int
    exact: bool

    @property
    def name(self) -> str:
        """Key in the record."""
        return f"{self.field}, d {self.dimension}, {'exact divergence' if self.exact else 'one probe'}"

    @property
    def tolerances(self) -> tuple[float, ...]:
        """Relative and absolute; above 1 nothing is controlled, below 1e-6 float32 has no more to give."""
        return (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)

    @property
    def points(self) -> int:
        """Rows of a call; fewer where the peers would take a minute each time."""
        return 128 if self.exact and self.dimension > 2 else 1000


CASES = [
    *(Case(field, d, exact) for exact in (True, False) for field in ("mixture", "network") for d in (2, 64)),
    Case("fitted network", 2, exact=True),
]


def law(dimension: int) -> GaussianMixture:
    """The mixture at ``t0``, in the precision of the context."""
    return target(dimension).at(PROCESS.level(jnp.asarray(PROCESS.t0)))


def network(dimension: int) -> Denoiser:
    """A perceptron with weights drawn so that its field is far from that of a Gaussian, which no solver finds hard."""
    width, depth = WIDTHS[dimension]
    generator = np.random.default_rng(dimension)
    blank = MLP(dimension, width=width, depth=depth, key=jax.random.key(0))

    def draw(leaf: Any) -> jax.Array:
        scale = np.sqrt(2 / leaf.shape[0]) if leaf.ndim == 2 else 0.1
        return jnp.asarray((scale * generator.standard_normal(leaf.shape)).astype(np.float32))

    return Denoiser(network=jax.tree.map(draw, blank), process=PROCESS, moments=GaussianLaw.standard(dimension))


def draws(mixture: GaussianMixture, count: int, *, seed: int) -> np.ndarray:
    """Rows of a mixture."""
    return np.asarray(
        jax.jit(jax.vmap(lambda key: mixture.sample(key=key)))(jax.random.split(jax.random.key(seed), count))
    )


@functools.cache
def fitted(dimension: int) -> Denoiser:
    """A perceptron of the same size that has learned draws of the mixture, in float32: what users have."""
    with jax.enable_x64(False):
        width, depth = WIDTHS[dimension]
        data = draws(target(dimension), 5000, seed=2)
        blank = MLP(dimension, width=width, depth=depth, key=jax.random.key(0))
        model = Denoiser(network=blank, process=PROCESS, moments=GaussianLaw.standard(dimension))
        rates = adamw(2e-3, num_steps=TRAINING_STEPS)
        *_, last = fit(
            model,
            DenoisingScoreMatching(),
            data,
            rates,
            key=jax.random.key(3),
            num_steps=TRAINING_STEPS,
        )
        return last.model(model)


def field_of(case: Case) -> ExactDenoiser | Denoiser:
    """The model, in the precision of the context."""
    if case.field == "mixture":
        return ExactDenoiser.create(target(case.dimension), PROCESS)
    return fitted(case.dimension) if case.field == "fitted network" else network(case.dimension)


def rows(case: Case) -> np.ndarray:
    """The points: draws of the mixture, standard normal ones for a random network."""
    if case.field == "network":
        return np.random.default_rng(1).standard_normal((case.points, case.dimension)).astype(np.float32)
    return draws(law(case.dimension), case.points, seed=1)


def ours(model: AbstractDenoiser, x: np.ndarray, *, estimate_error: bool = False) -> Method:
    """scorax in the precision of ``x``."""

    def run(tolerance: float) -> tuple[np.ndarray, float]:
        with jax.enable_x64(x.dtype == np.float64):
            found = log_prob(model, x, tolerance=tolerance, estimate_error=estimate_error)
            return np.asarray(found.value, np.float64), float(np.mean(found.evaluations))

    return run


def truth(case: Case, model: AbstractDenoiser, x: np.ndarray) -> np.ndarray:
    """Exact log-densities in float64, of the first rows where they have to be solved for."""
    with jax.enable_x64(True):
        wide = x.astype(np.float64)
        if case.field == "mixture":
            return np.asarray(jax.vmap(law(case.dimension).log_density)(jnp.asarray(wide)))
    return ours(model, wide[:NETWORK_REFERENCE_ROWS])(REFERENCE_TOLERANCE)[0]


def probed(model: AbstractDenoiser, x: np.ndarray, probes: np.ndarray) -> np.ndarray:
    r"""What a solve without error gives for given directions of length $\sqrt d$, the same in every clock."""
    with jax.enable_x64(True):
        ends = flow_ends(model, jnp.dtype(jnp.float64))
        field = flow_field(model)

        def one(row: jax.Array, probe: jax.Array) -> jax.Array:
            def rate(s: Any, state: tuple[jax.Array, jax.Array], args: None) -> tuple[jax.Array, jax.Array]:
                value, forms = value_and_quadratic_forms(lambda z: field(jnp.asarray(s), z), state[0], probe[None])
                return value, forms[0]

            solution = diffrax.diffeqsolve(
                diffrax.ODETerm(rate),
                diffrax.Dopri8(),
                ends.start,
                ends.end,
                None,
                (row / ends.start_radius, jnp.zeros(())),
                stepsize_controller=diffrax.PIDController(rtol=REFERENCE_TOLERANCE, atol=REFERENCE_TOLERANCE),
            )
            assert solution.ys is not None
            y, integral = (leaf[-1] for leaf in solution.ys)
            change = row.size * (jnp.log(ends.end_radius) - jnp.log(ends.start_radius))
            return terminal_log_density(model, ends.end_level, ends.end_radius * y) + change + integral

        wide = jnp.asarray(x, jnp.float64), jnp.asarray(probes, jnp.float64)
        return np.asarray(eqx.filter_jit(jax.vmap(one))(*wide))


def check_fields(model: AbstractDenoiser, x: np.ndarray, problem: Any) -> None:
    """Refuse to compare solvers on different fields.

    Raises:
        RuntimeError: torch's field and JAX's differ by more than rounding.
    """
    from _likelihood_peers import velocity_in_angle

    field = jax.jit(jax.vmap(flow_field(model), in_axes=(None, 0)))
    for ratio in (2e-3, 0.05, 0.5, 2.0, 40.0):
        expected = np.asarray(field(jnp.arctan(ratio), jnp.asarray(x) / np.hypot(1, ratio)))
        # Torch's state at that angle is the same y = x / R.
        got = velocity_in_angle(dataclasses.replace(problem, x=problem.x / np.hypot(1, ratio)), ratio)
        off = np.max(np.abs(got - expected)) / max(1.0, np.max(np.abs(expected)))
        if not off < 1e-5:
            raise RuntimeError(f"the fields differ by {off:.1e} at sigma / alpha = {ratio}")


def peers(
    case: Case, model: ExactDenoiser | Denoiser, x: np.ndarray
) -> tuple[dict[str, Method], dict[str, np.ndarray]]:
    """Torch's methods, and the references of those with a random direction."""
    try:
        import torch

        from _likelihood_peers import PEERS, Problem, torch_field, use_threads
    except ModuleNotFoundError as error:
        print(f"without the peers ({error}); install the group `peers`", file=sys.stderr)
        return {}, {}
    use_threads(machine()["threads"])
    moments = model.moments
    assert moments is not None
    problem = Problem(torch_field(model), torch.tensor(x), PROCESS.t0, PROCESS.t1, moments, case.exact)
    check_fields(model, x, problem)
    built = {name: build(problem) for name, build in PEERS.items()}
    if case.exact:
        return dict(built), {}
    references = {}
    for name, peer in built.items():
        directions = peer.drawn()
        surplus = (directions**2).sum(
            axis=1
        ) - case.dimension  # of a Gaussian direction; it meets the growth of the state
        references[name] = probed(model, x, directions) + surplus * peer.log_growth
    return dict(built), references


def measure(case: Case, turns: int) -> dict[str, Any]:
    """Times and errors of one case."""
    model = field_of(case)
    with jax.enable_x64(True):  # not the float32 arrays made wide
        wide = field_of(case)
    x = rows(case)
    exact = truth(case, wide, x)
    theirs, references = peers(case, model, x)
    if case.exact:
        methods = {
            "scorax": ours(model, x),
            "scorax, with its error": ours(model, x, estimate_error=True),
            "scorax, float64": ours(wide, x.astype(np.float64)),
            **theirs,
        }
    else:
        from _likelihood_probe import ONE, with_probes

        methods = {"scorax": with_probes(model, x, ONE), **theirs}
        # Other bits in float64, so the same probes exist in float32 only: a tighter solve, whose rounding is in both.
        references["scorax"] = methods["scorax"](1e-7)[0]
    results: dict[str, Any] = {}
    for name, run in methods.items():  # compile, load, let threads start; take the errors
        found: dict[str, Any] = {"ladder": {}, "failed": {}}
        reference = references.get(name, exact)
        slowest = 0.0
        for number, tolerance in enumerate((case.tolerances[0], *case.tolerances)):
            began = time.perf_counter()
            try:
                values, evaluations = run(tolerance)
            except AssertionError as error:  # torchdiffeq: a step too small for its time in float32
                found["failed"][str(tolerance)] = str(error)
                print(f"{case.name}: {name} at {tolerance:g}: {error}", file=sys.stderr)
                continue
            seconds = time.perf_counter() - began
            if number == 0:  # it compiled
                found["first_call"] = round(seconds, 4)
                continue
            slowest = max(slowest, seconds)
            error = np.abs(values[: len(reference)] - reference)
            found["ladder"][str(tolerance)] = {
                "mean_error": float(np.mean(error)),
                "max_error": float(np.max(error)),
                "evaluations": evaluations,
                "seconds": [],
            }
        if not found["ladder"]:
            results[name] = {**found, "turns": 0}
            continue
        if not case.exact:
            found["probe_error"] = float(np.mean(np.abs(reference[: len(exact)] - exact)))
        found["turns"] = turns if slowest < LONG else -(-turns // 3)
        results[name] = found
        print(f"{case.name}: {name}: at most {slowest:.2f} s", file=sys.stderr)
    for turn in range(turns):
        for name, run in methods.items():
            if turn < results[name]["turns"]:
                for tolerance, step in results[name]["ladder"].items():
                    began = time.perf_counter()
                    run(float(tolerance))
                    step["seconds"].append(round(time.perf_counter() - began, 6))
        print(f"{case.name}: turn {turn + 1}/{turns}", file=sys.stderr)
    return {"machine": machine("torch", "flow-matching", "zuko", "torchdiffeq", "scipy"), "methods": results}


def main() -> None:
    """Measure what is missing in the record, then print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("likelihood.json"))
    parser.add_argument("--turns", type=int, default=9, help="runs of every method at every tolerance (default 9)")
    parser.add_argument("--only", type=int, nargs="+", choices=range(len(CASES)), help="numbers of cases, from 0")
    parser.add_argument("--again", action="store_true", help="measure what is in the record too")
    parser.add_argument("--table", type=Path, help="print a record instead of measuring")
    options = parser.parse_args()
    if options.table is not None:
        print(markdown(json.loads(options.table.read_text())))
        return
    # A program in the cache may have been compiled for another number of threads, which is not in its key.
    jax.config.update("jax_enable_compilation_cache", False)
    record: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {"results": {}}
    for case in CASES if options.only is None else [CASES[i] for i in options.only]:
        if case.name in record["results"] and not options.again:
            continue
        record["results"][case.name] = found = measure(case, options.turns)
        options.out.write_text(json.dumps(record, indent=1) + "\n")
        print(f"{described(found['machine'])}\n\n{markdown({'results': {case.name: found}})}")


if __name__ == "__main__":
    main()
