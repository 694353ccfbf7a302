"""Checks of the objectives against explicit score matching, of their weights, and of energies."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.stats import norm

from scorax._trees import cast
from scorax._types import Condition
from scorax.checks._record import Answer, mean_of, worst
from scorax.diagnostics import ObjectiveComparison, compare_objectives
from scorax.models import AbstractScoreModel, EnergyScore, ScoreFunction, ScoreNetwork
from scorax.networks import MLP
from scorax.objectives import (
    AbstractObjective,
    AbstractProbe,
    DenoisingScoreMatching,
    EnergyDifferenceScoreMatching,
    ExplicitScoreMatching,
    FiniteDifferenceScoreMatching,
    FixedTime,
    GaussianProbe,
    GeneralizedScoreMatching,
    ImplicitScoreMatching,
    MinSNRWeighting,
    NodeTimes,
    RademacherProbe,
    SlicedScoreMatching,
    SphereProbe,
    UniformWeighting,
    VarianceWeighting,
    VelocityWeighting,
)
from scorax.processes import EDM, VP, AbstractProcess, Clean

VARIANCE, SLOPE, DIMENSION, DRAWS = 0.5, 1.7, 8, 8192


class _Affine(eqx.Module):
    """The score ``shift - slope x``."""

    slope: Any
    shift: Any = 0.0

    def __call__(self, t: Float[Array, ""], x: Float[Array, " d"], condition: Condition) -> Float[Array, " d"]:
        return self.shift - self.slope * x


def _linear(slope: float, process: AbstractProcess) -> ScoreFunction:
    return ScoreFunction(fn=_Affine(jnp.asarray(slope)), process=process)


@eqx.filter_jit
def _values(objective: AbstractObjective, model: AbstractScoreModel, x0: Array, u: Array, keys: Array) -> Array:
    return jax.vmap(lambda x, v, k: objective(model, x, v, key=k, training=False))(x0, u, keys)


def _rows(dtype: Any = jnp.float64) -> tuple[Array, Array, Array]:
    """Rows at plus and minus the standard deviation: their second moment is that of N(0, VARIANCE) exactly."""
    signs = jnp.where(jnp.arange(DRAWS) % 2 == 0, 1.0, -1.0).astype(dtype)
    x0 = jnp.sqrt(jnp.asarray(VARIANCE, dtype)) * signs[:, None] * jnp.ones(DIMENSION, dtype)
    return x0, (jnp.arange(DRAWS, dtype=dtype) + 0.5) / DRAWS, jax.random.split(jax.random.key(0), DRAWS)


def implicit() -> Answer:
    """Score -a x on N(0, v): a^2 v / 2 - a per coordinate."""
    values = _values(ImplicitScoreMatching(), _linear(SLOPE, Clean()), *_rows())
    return Answer(DIMENSION * (SLOPE**2 * VARIANCE / 2 - SLOPE), jnp.mean(values), 1e-9)


def explicit() -> Answer:
    """The same score against -x / v: (a - 1 / v)^2 v / 2 per coordinate."""
    target = _linear(1 / VARIANCE, Clean())
    values = _values(ExplicitScoreMatching(target=target), _linear(SLOPE, Clean()), *_rows())
    return Answer(DIMENSION * (SLOPE - 1 / VARIANCE) ** 2 * VARIANCE / 2, jnp.mean(values), 1e-9)


def sliced(probe: AbstractProbe, variance_reduced: bool) -> Answer:
    """With E v v^T = I: the value of the implicit objective."""
    objective = SlicedScoreMatching(probe=probe, variance_reduced=variance_reduced)
    answer = mean_of(_values(objective, _linear(SLOPE, Clean()), *_rows()), float(implicit().truth))
    return answer._replace(tolerance=answer.tolerance + 1e-9)  # some probes leave no variance


def difference(objective: AbstractObjective, model: AbstractScoreModel, tolerance: float) -> Answer:
    """A model of score -x in float32, at the default step: worst distance to exact derivatives along the same probes."""
    draws = _rows(jnp.float32)
    exact, model = (cast(m, jnp.float32) for m in (_linear(1.0, Clean()), model))
    exact = _values(SlicedScoreMatching(variance_reduced=False), exact, *draws)
    got = _values(objective, model, *draws)
    gap = jnp.abs(got - exact)
    place = jnp.argmax(gap)
    return Answer(exact[place], got[place], tolerance, gap[place])


def half_line(generalized: bool) -> Answer:
    """Slope a of -a (x - b) fitted to N(0, 1) on x > 0.5 by quadrature: 1, and 3.725 without the distance to the end."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    x = np.concatenate([0.5 + (nodes + 1) / 2, 1.5 + 5 * (nodes + 1)])  # smooth on both sides of the cap
    mass = np.concatenate([weights / 2, 5 * weights]) * norm.pdf(x)
    objective = GeneralizedScoreMatching(lower=0.5) if generalized else ImplicitScoreMatching()

    @jax.jit
    def loss(slope_and_shift: Array) -> Array:
        model = ScoreFunction(fn=_Affine(*slope_and_shift), process=Clean())
        values = jax.vmap(lambda row: objective(model, row, jnp.zeros(()), key=jax.random.key(0)))(x[:, None])
        return jnp.asarray(mass / mass.sum()) @ values

    bend, slope = jax.jit(jax.hessian(loss))(jnp.zeros(2)), jax.jit(jax.grad(loss))(jnp.zeros(2))
    a = -jnp.linalg.solve(bend, slope)[0]
    return Answer(1.0, a, 1e-9) if generalized else Answer(3.725, a, 5e-4)


def control_variate() -> Answer:
    """Mean effect of the control variate at sigma = 1e-2, in units of the loss: none."""
    data = _rows()
    plain, reduced = (
        _values(DenoisingScoreMatching(VarianceWeighting(), FixedTime(1e-2), flag), _linear(SLOPE, EDM()), *data)
        for flag in (False, True)
    )
    return mean_of(reduced - plain, 0.0)


def weights() -> Answer:
    """Velocity and Min-SNR weights of EDM: t^2, and sigma^2 times the capped ratio; weight one."""
    t = jnp.geomspace(0.01, 50.0, 20)
    got = [
        jax.vmap(lambda s, w=w: w(EDM(), s))(t) for w in (VelocityWeighting(), MinSNRWeighting(), UniformWeighting())
    ]
    return worst(jnp.stack([t**2, t**2 * jnp.minimum(1, 5 * t**2), jnp.ones(20)]), jnp.stack(got), 1e-9)


def nodes() -> Answer:
    """The objective at nodes is the mean of its values at each, for score 0: the mean of d / 2 sigma^2 times sigma^2."""
    values = _values(
        DenoisingScoreMatching(VarianceWeighting(), NodeTimes((0.1, 0.5, 2.0))), _linear(0.0, EDM()), *_rows()
    )
    return mean_of(values, DIMENSION / 2)


def _network() -> MLP:
    network = MLP(2, width=4, depth=1, key=jax.random.key(0))
    return eqx.tree_at(lambda n: n.layers[-1].weight, network, 0.3 * jnp.ones((4, 2)))


def conservative() -> Answer:
    """Asymmetry of the Jacobian of an energy's score."""
    model = EnergyScore(network=_network(), process=VP())
    jacobian = jax.jit(jax.jacfwd(lambda x: model(0.3, x)))(jnp.array([0.3, -0.8]))
    return worst(jacobian[0, 1], jacobian[1, 0], 1e-9)


AT = {"weighting": UniformWeighting(), "times": FixedTime(0.5)}
COMPARED: dict[str, AbstractObjective] = {
    "implicit": ImplicitScoreMatching(**AT),
    "sliced": SlicedScoreMatching(**AT),
    "finite-difference": FiniteDifferenceScoreMatching(**AT),
    "denoising": DenoisingScoreMatching(**AT, control_variate=True),
}


@functools.cache  # two rows of the table show one comparison
def _compared(name: str) -> ObjectiveComparison:
    target = ScoreFunction(fn=lambda t, x, condition: -x / (VARIANCE + t**2), process=EDM())
    rows = jnp.sqrt(VARIANCE) * jax.random.normal(jax.random.key(1), (DRAWS, 2))
    model = ScoreNetwork(network=_network(), process=EDM())
    return compare_objectives(model, {name: COMPARED[name]}, target, rows, key=jax.random.key(2), num_draws=DRAWS)[name]


def fisher(name: str) -> Answer:
    """Fisher divergence by the objective plus its constant, against the explicit objective on the same states."""
    row = _compared(name)
    return Answer(row.explicit, row.fisher, 4 * np.hypot(row.fisher_error, row.explicit_error))


def gradient(name: str) -> Answer:
    """Distance of the mean gradient to the explicit one, over its length, in units of what sampling alone would give."""
    row = _compared(name)
    return Answer(0.0, row.difference / row.difference_error, 4.0)


CHECKS = {
    "explicit score matching: closed form": explicit,
    "implicit score matching: closed form": implicit,
    **{
        f"sliced score matching, {name}, {form}": lambda p=p, r=r: sliced(p, r)
        for name, p in (("Rademacher", RademacherProbe()), ("Gaussian", GaussianProbe()), ("sphere", SphereProbe()))
        for form, r in (("variance reduced", True), ("squared product", False))
    },
    "finite-difference score matching: float32 step": lambda: difference(
        FiniteDifferenceScoreMatching(), _linear(1.0, Clean()), 1e-2
    ),
    "energy-difference score matching: float32 step": lambda: difference(
        EnergyDifferenceScoreMatching(),
        EnergyScore(network=MLP(DIMENSION, width=4, depth=1, key=jax.random.key(0))),
        5e-2,
    ),
    "generalised score matching: half-line": lambda: half_line(True),
    "implicit score matching: bias on a half-line": lambda: half_line(False),
    "denoising score matching: the control variate has mean zero": control_variate,
    "weighting velocity, Min-SNR, uniform: closed forms": weights,
    "times at nodes: mean over nodes": nodes,
    "energy model: symmetric Jacobian": conservative,
    **{f"comparison, {name}: value plus constant is the explicit one": lambda n=name: fisher(n) for name in COMPARED},
    **{f"comparison, {name}: gradient is the explicit one": lambda n=name: gradient(n) for name in COMPARED},
}
