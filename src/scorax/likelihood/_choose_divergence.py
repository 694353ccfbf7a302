"""Which divergence to pay for: measured on draws like the data, not guessed."""

import math
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from scorax._errors import explain
from scorax._probes import GaussianProbe, RademacherProbe, SphereProbe
from scorax._trees import cast
from scorax._types import Condition, Key, Keys
from scorax.likelihood._divergences import AbstractDivergence, ExactDivergence, Hutchinson
from scorax.likelihood._flow import Flow
from scorax.models import AbstractDenoiser, AbstractScoreModel, FlowEnds, bound, flow_ends, terminal_draw, without_clock

EXACT_UP_TO = 100
"""Coordinates up to which the exact divergence is not questioned: a standard error costs about as many probes."""

_PILOT_ROWS = 32
_PILOT_PROBES = 8
_PILOT_STEPS = 64
_LAWS = {"signs": RademacherProbe(), "normals": GaussianProbe(), "sphere": SphereProbe()}


@dataclass(frozen=True)
class DivergenceChoice:
    """The cheapest divergence for a wanted standard error, and in one line why.

    ``deviations`` has for every law of probes, with the Gaussian control variate and without, the standard deviation of the
    log-density by one probe, in nats: median over pilot rows.
    """

    divergence: AbstractDivergence
    deviations: dict[str, float]
    reason: str


def choose_divergence(
    model: AbstractScoreModel,
    shape: tuple[int, ...],
    condition: Condition = None,
    *,
    standard_error: float = 0.1,
    key: Key,
) -> DivergenceChoice:
    r"""The divergence that reaches a standard error in the fewest forward-mode products.

    Rows are drawn from the model by its deterministic flow, and their log-densities computed with a few probes of every law,
    with and without the control variate (which is free). With the smallest standard deviation $s$ of one probe,
    $n = \lceil s^2 / standard\_error^2 \rceil$ of them reach the wanted error; where that is no fewer than the coordinates, the
    exact divergence costs no more.

    Args:
        model, shape: any score model, and the shape of a row.
        condition: what the network is told, with a leading axis of any length, of which the drawn rows take one after the other.
        standard_error: wanted standard error of a log-density, in nats.
        key: of the rows and the probes of the measurement.

    Raises:
        ValueError: ``standard_error`` is not positive.
    """
    if not standard_error > 0:
        wanted = "say how many nats are good enough"
        raise ValueError(explain(expected="standard_error above 0", got=f"{standard_error:g}", do=wanted))
    ends = flow_ends(model, jnp.dtype(jnp.float32))
    d = math.prod(shape)
    if ends.start_level is None:
        return DivergenceChoice(
            ExactDivergence(), {}, f"exact, {d} products: the process has no levels to draw rows at"
        )
    draws = jax.random.split(key, _PILOT_ROWS)
    told = jax.tree.map(lambda leaf: leaf[np.arange(_PILOT_ROWS) % len(leaf)], condition)
    plain, controlled = (np.asarray(part) for part in _pilot(without_clock(model), shape, told, ends, draws))
    deviations = {}
    for place, name in enumerate(_LAWS):
        for label, integrals in ((name, plain), (f"{name}, controlled", controlled)):
            deviations[label] = float(np.median(np.std(integrals[:, place], axis=-1, ddof=1)))
    best = min(deviations, key=deviations.__getitem__)
    probes = max(2, math.ceil((deviations[best] / standard_error) ** 2)) if np.isfinite(deviations[best]) else d
    one = f"one probe of {best} has a standard deviation of {deviations[best]:.2g} nats"
    if probes >= d:
        reason = f"exact, {d} products: {one}, so {standard_error:g} would take {probes}"
        return DivergenceChoice(ExactDivergence(), deviations, reason)
    name, _, control = best.partition(", ")
    chosen = Hutchinson(probes, _LAWS[name], control=bool(control))
    return DivergenceChoice(chosen, deviations, f"{probes} probes of {best}, for {standard_error:g} nats: {one}")


@eqx.filter_jit
def _pilot(
    model: AbstractScoreModel, shape: tuple[int, ...], conditions: PyTree, ends: FlowEnds, keys: Keys
) -> tuple[Float[Array, "rows laws probes"], Float[Array, "rows laws probes"]]:
    """Integrals of the divergence along the probes of every law, all on one way; plain, and controlled."""
    model, laws = cast(model, jnp.float32), len(_LAWS)
    together = Hutchinson(laws * _PILOT_PROBES)
    assert isinstance(model, AbstractDenoiser)  # as `without_clock` makes every score of a Gaussian process

    def one(key: Key, condition: Condition) -> PyTree:
        noise, *each = jax.random.split(key, 1 + laws)
        probes = [
            Hutchinson(_PILOT_PROBES, law).draw(shape, ends.end.dtype, key=k)
            for law, k in zip(_LAWS.values(), each, strict=True)
        ]
        asked, told = bound(model, condition)
        flow = Flow(asked, told, ends, shape, together, jnp.concatenate(probes))
        integrals = _integrals(flow, key=noise)
        controlled = integrals - together.excess(flow.drawn, ends, flow.model)
        return integrals.reshape(laws, -1), controlled.reshape(laws, -1)

    return jax.vmap(one)(keys, conditions)


def _integrals(flow: Flow, *, key: Key) -> Float[Array, " traces"]:
    """Of the divergence, along the way from ``t1`` to a row of the law of the model: steps by the midpoint."""

    def step(z: Array, ends: tuple[Array, Array]) -> tuple[Array, None]:
        here, there = ends
        middle = z + (there - here) / 2 * flow.state(here, z)
        slope, rates = flow.both((here + there) / 2, middle)
        return z + (there - here) * (slope + rates), None

    (start, end, _), ends = flow.places, flow.ends
    x = terminal_draw(flow.model, ends.end_level, flow.shape, end.dtype, key=key)
    places = jnp.linspace(end, start, _PILOT_STEPS + 1)
    first = flow.start(x * ends.start_radius / ends.end_radius)
    return -flow.split(jax.lax.scan(step, first, (places[:-1], places[1:]))[0])[1]


def default_divergence(
    model: AbstractScoreModel, shape: tuple[int, ...], condition: Condition, *, key: Key | None, traced: bool
) -> AbstractDivergence:
    """Exact up to :data:`EXACT_UP_TO` coordinates, measured beyond; refused without a key or a concrete value for that."""
    d = math.prod(shape)
    if d <= EXACT_UP_TO:
        return ExactDivergence()
    if traced or key is None:
        raise ValueError(
            explain(
                expected=f"divergence= or, outside of jit, key= for more than {EXACT_UP_TO} coordinates",
                got=f"{d} coordinates",
                do="pass ExactDivergence(), Hutchinson(), or a key to have it chosen by measurement",
            )
        )
    return choose_divergence(model, shape, condition, key=key).divergence
