"""Exact log-likelihood by integrating the divergence along the deterministic flow, with its error budget."""

import dataclasses
import math
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int, PyTree

from scorax._checked import require_kind
from scorax._digest import row_digest
from scorax._errors import explain
from scorax._rows import CALL, in_blocks, in_calls, one_or_each, over_rows
from scorax._trees import cast, rows_at
from scorax._types import Condition, Key, Scalar
from scorax.likelihood._budget import budgeted
from scorax.likelihood._choose_divergence import default_divergence
from scorax.likelihood._divergences import AbstractDivergence, ExactDivergence
from scorax.likelihood._flow import Flow
from scorax.likelihood._general import general_row
from scorax.likelihood._lanes import LANES, in_lanes
from scorax.likelihood._result import LogProb
from scorax.likelihood._steps import advance, begin, walked, way_of
from scorax.models import (
    AbstractDenoiser,
    AbstractScoreModel,
    Evidence,
    FlowEnds,
    Given,
    bound,
    check_told,
    flow_ends,
    on_targets,
    require_state,
    without_clock,
)
from scorax.processes import sde

PRODUCTS = "highest"
"""Precision of matrix products in log-densities. An accelerator may multiply float32 with ten bits, of which no error here
knows."""


def default_tolerance(dtype: jnp.dtype) -> float:
    """Nats of a log-density that are asked for where nobody says: what the precision gives at little cost."""
    return 1e-6 if dtype == jnp.float64 else 1e-4


def row_log_prob(
    model: AbstractScoreModel,
    x: Float[Array, "*shape"],
    condition: Condition = None,
    *,
    divergence: AbstractDivergence | None = None,
    ends: FlowEnds | None = None,
    tolerance: Scalar | None = None,
    estimate_error: bool = True,
    key: Key | None = None,
) -> LogProb:
    r"""Log-density of one row with its errors: traceable (``jit``, ``vmap``, reverse-mode ``grad`` in the row and the model).

    With the flow $dy/da = v(a, y)$ of the denoiser that a score of a Gaussian process is, $y = x / R$, and its angles
    $a_0 < a_1$,

    $$ \log p_{t_0}(x) = \log p_{t_1}(R_1 y_{a_1}) + d \log R_1 - d \log R_0 + \int_{a_0}^{a_1} \nabla\!\cdot v \, da. $$

    The state is solved by Runge-Kutta steps of order 5, and of every two of them the integral takes four divergences, by Gauss's
    rule along the interpolated state. Under other processes Diffrax solves the probability flow in the clock. The errors:

    - ``trace_error``: standard error over probes, where the divergence is estimated;
    - ``solver_error``: a share of the distance to the same mesh with steps twice as long, in the integral and, through the
      gradient at ``t1``, in the state; plus rounding. A row for which that is above the tolerance is solved again by steps of
      half the length, three times at most: the tolerance is met, or the error stated is larger;
    - ``terminal_error``: the largest change of the log-density if the flow goes on beyond ``t1``, to 256 times its noise. With
      infinite noise there is no mismatch of the law assumed; it is taken to fall as one over the noise or faster;
    - ``truncation``: $-\tfrac12 \sigma_0^2 (\nabla\!\cdot s + |s|^2)$ at ``t0``, from the heat equation.

    Args:
        model: any score model of a process with a law at ``t1``.
        x: state at ``t0``.
        condition: what the network is told, or evidence: then it is the density of the targets, and the rest is not read.
        divergence: how the divergence is had; exactly where it is ``None``.
        ends: ends of the flow where they are known already.
        tolerance: wanted error of the solve, in nats of the log-density. By default 1e-6 in float64 and 1e-4 in float32.
        estimate_error: whether to pay for the errors. Without them a row is solved once, whatever its error.
        key: of the probes, where there are any.

    Raises:
        ValueError: the model has no score like ``x``, the tolerance is not positive, or the divergence is random and there is
            no key.

    Reference: Song et al. (2021), appendix D.2; Chen et al. (2018), *Neural ODEs*; Dormand and Prince (1980), for the steps.
    """
    require_state(cast(model, x.dtype), x.shape, x.dtype, condition, precise=False)
    divergence = ExactDivergence() if divergence is None else divergence
    call = _call_of(model, divergence, x.dtype, tolerance, estimate_error, None, ends)
    call = call.beside(condition)
    row, own = call.state(x, condition)
    return call.alone(row, own, divergence.draw(x.shape, x.dtype, key=key))


def log_prob(
    model: AbstractScoreModel,
    x: Float[Array, "n *shape"] | Float[np.ndarray, "n *shape"],
    condition: Condition = None,
    *,
    divergence: AbstractDivergence | None = None,
    tolerance: float | None = None,
    estimate_error: bool = True,
    key: Key | None = None,
    mesh: Mesh | None = None,
) -> LogProb:
    """Log-densities of many rows, in a compiled program for any number of them; see :func:`row_log_prob`.

    Of the target coordinates given the known ones where ``condition`` is :class:`~scorax.models.Evidence`, with masks of each row
    if it has n rows; what stands at other coordinates of ``x`` is not read.

    The precision is that of ``x``: pass float64 inside ``jax.enable_x64(True)`` for the smallest errors. The same law as the
    samplers draw from: stopped at ``t0``, no denoising step. A row's answer is the same alone, in any batch and on
    the devices of any mesh; its probes, if any, follow from the key and its content. ``condition`` is a PyTree of arrays with a
    leading axis of 1, the same for all rows, or of n.

    The divergence is exact up to ``EXACT_UP_TO`` coordinates unless ``divergence`` says otherwise, and the outcome of
    :func:`choose_divergence` beyond; ``probes`` of the answer says which it was. For many calls, choose once and pass it.

    Raises:
        TypeError: the process has no law at ``t1`` (``Clean``, a general SDE without a prior), or ``x`` is not floating-point.
        ValueError: the model has no scores like the rows; the tolerance is not positive; the condition is for another number of
            rows or unknown to the network's embedder; or the divergence is random, or to be chosen, and there is no key.
    """
    require_kind(mesh, Mesh | None, what="mesh")
    require_kind(model, AbstractScoreModel, what="model")
    x = jnp.asarray(x)
    told = one_or_each(condition, len(x))
    check_told(model, condition, x.shape[1:])
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(explain(expected="floating-point rows", got=str(x.dtype), do="convert them first"))
    if len(x) > 0:
        require_state(cast(model, x.dtype), x.shape[1:], x.dtype, rows_at(told, np.zeros((), int)), precise=False)
    if divergence is None:
        divergence = default_divergence(model, x.shape[1:], condition, key=key, traced=isinstance(x, Tracer))
    call = _call_of(model, divergence, x.dtype, tolerance, estimate_error, key)
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((call, x, told))):
        return over_rows(call.one, x, told)
    blocks = max(1, min(CALL, 2**20 // (LANES * math.prod(x.shape[1:]))))
    return in_calls(_in_lanes, call, (x, told), LANES, blocks, mesh=mesh)


class _Call(eqx.Module):
    """What all rows share."""

    model: AbstractScoreModel
    divergence: AbstractDivergence
    ends: FlowEnds
    tolerance: Float[Array, ""]
    estimate_error: bool
    key: Key | None
    given: Given | None = None
    """What the model given evidence shares between rows: all of it but the numbers that follow from the evidence."""

    def state(self, row: Float[Array, "*shape"], own: Condition) -> tuple[Float[Array, "*shape"], Condition]:
        """The state that a row is, and what its flow is told: numbers of the model given the row's evidence, if there is any.

        They are made once a row and not at every evaluation.
        """
        model, told = bound(self.model, own)
        return on_targets(model, row), self._parts(model)[0] if isinstance(own, Evidence) else told

    def _parts(self, model: PyTree) -> tuple[PyTree, PyTree]:
        """A model given evidence in two: the numbers that follow from the evidence, and all that rows share.

        Rows share the weights: a copy of them for each would be gigabytes, and no product of matrices would multiply by them.
        """
        shared = jax.tree.leaves(self.model)
        return eqx.partition(model, lambda leaf: eqx.is_array(leaf) and not any(leaf is one for one in shared))

    def draw(self, row: Float[Array, "*shape"]) -> PyTree:
        """Probes of a row, which follow from the key and its content."""
        key = None if self.key is None else jax.random.fold_in(self.key, row_digest(row))
        return self.divergence.draw(row.shape, row.dtype, key=key)

    def flow(self, row: Float[Array, "*shape"], own: Condition, drawn: PyTree) -> Flow:
        """The flow of a row with what is told of it and its probes."""
        model, told = (eqx.combine(own, self.given), None) if isinstance(own, Given) else (self.model, own)
        assert isinstance(model, AbstractDenoiser)  # as `without_clock` makes every score of a Gaussian process
        return Flow(model, told, self.ends, row.shape, self.divergence, drawn)

    def general(self, row: Float[Array, "*shape"], own: Condition, drawn: PyTree) -> LogProb:
        """A row under a process without scalar Gaussian kernels."""
        facts = self.ends, self.divergence, drawn, self.tolerance
        return general_row(self.model, row, own, *facts, estimate_error=self.estimate_error)

    def one(self, row: Float[Array, "*shape"], own: Condition) -> LogProb:
        """One row with probes that follow from its content."""
        call = self.beside(own)
        row, own = call.state(row, own)
        return call.alone(row, own, call.draw(row))

    def beside(self, own: Condition) -> "_Call":
        """The call with the part of the model given evidence that all rows share; the call itself where there is no evidence."""
        if not isinstance(own, Evidence):
            return self
        return dataclasses.replace(self, given=self._parts(bound(self.model, own)[0])[1])

    @jax.default_matmul_precision(PRODUCTS)
    def alone(self, row: Float[Array, "*shape"], own: Condition, drawn: PyTree) -> LogProb:
        """One row inside ``jit``, ``vmap`` or ``grad``, where rows cannot go in lanes."""
        if self.ends.start_level is None:
            return self.general(row, own, drawn)
        flow = self.flow(row, own, drawn)
        way = way_of(flow, self.tolerance, paired=self.estimate_error)
        return budgeted(flow, way, row, walked(flow, way, row, paired=self.estimate_error))


def _call_of(
    model: AbstractScoreModel,
    divergence: AbstractDivergence,
    dtype: jnp.dtype,
    tolerance: Scalar | None,
    estimate_error: bool,
    key: Key | None,
    ends: FlowEnds | None = None,
) -> _Call:
    ends = flow_ends(model, dtype) if ends is None else ends
    if model.moments is None and sde(model.process).prior is None and estimate_error:
        levels = "N(0, I) is assumed at t1 with an error that falls only as one over the noise"
        others = "the data are taken as N(0, I), of which no error knows"
        warnings.warn(
            explain(
                expected="a model with the moments of its data",
                got=f"none, so that {others if ends.start_level is None else levels}",
                do="pass moments=GaussianLaw.of_rows(data), or estimate_error=False",
            ),
            stacklevel=3,
        )
    require_kind(tolerance, float | None, what="tolerance")
    if not isinstance(tolerance, Tracer | None) and not tolerance > 0:
        raise ValueError(explain(expected="tolerance above 0", got=f"{tolerance:g}", do="say how many nats are wanted"))
    wanted = jnp.asarray(default_tolerance(dtype) if tolerance is None else tolerance, dtype)
    # With and without a key an exact divergence is one program.
    key = key if divergence.random else None
    return _Call(cast(without_clock(model), dtype), divergence, ends, wanted, estimate_error, key)


@jax.default_matmul_precision(PRODUCTS)
def _in_lanes(call: _Call, own: tuple[Float[Array, "rows *shape"], PyTree], count: Int[Array, ""]) -> LogProb:
    call = call.beside(jax.tree.map(lambda leaf: leaf[0], own[1]))
    if call.given is not None or isinstance(call.model, Given):
        own = in_blocks(call.state, own, count, LANES)
    rows = (*own, in_blocks(call.draw, own[:1], count, LANES))
    if call.ends.start_level is None:
        return in_blocks(call.general, rows, count, LANES)
    flow = call.flow(*jax.tree.map(lambda leaf: leaf[0], rows))
    way = way_of(flow, call.tolerance, paired=call.estimate_error)
    walks = in_lanes(
        lambda row, *own: begin(call.flow(row, *own), way, row, paired=call.estimate_error),
        lambda walk, *row: advance(call.flow(*row), way, walk),
        way.over,
        rows,
        count,
    )
    return in_blocks(
        lambda walk, row, *own: budgeted(call.flow(row, *own), way, row, walk), (walks, *rows), count, LANES
    )
