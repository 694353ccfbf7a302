"""Does a learned score agree with the density that its own flow defines?"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from scorax._checked import require_kind
from scorax._errors import explain
from scorax._rows import map_rows, one_or_each
from scorax._trees import cast
from scorax._types import Condition, Key
from scorax.likelihood import default_tolerance, row_log_prob
from scorax.models import AbstractScoreModel, FlowEnds, bound, check_told, flow_ends, on_targets


class ScoreConsistency(NamedTuple):
    """Two gradients of what should be one log-density; one entry per row.

    Attributes:
        gradient: of ``log_prob``, through the solve.
        score: the model at ``t0``.
        gap: length of their difference.
        relative_gap: ``gap`` over the longer of the two gradients: 0 where they agree, 1 where one is missing, 2 where they
            are opposite; 0 where both vanish.
        converged: whether the solve ended within its step limit; elsewhere the gradient is NaN.
    """

    gradient: Float[Array, "n *shape"]
    score: Float[Array, "n *shape"]
    gap: Float[Array, " n"]
    relative_gap: Float[Array, " n"]
    converged: Bool[Array, " n"]

    @property
    def summary(self) -> float:
        """Root mean square gap over the root mean square length of the score, over all rows."""
        gap, score = (np.asarray(part, np.float64) for part in (self.gap, self.score))
        return float(np.sqrt(np.sum(gap**2) / np.sum(score**2)))


def score_consistency(
    model: AbstractScoreModel,
    x: Float[Array, "n *shape"] | Float[np.ndarray, "n *shape"],
    condition: Condition = None,
    *,
    tolerance: float | None = None,
) -> ScoreConsistency:
    r"""Gap between the score of a model and the gradient of the density of its deterministic flow,

    $$ gap(x) = |\nabla_x \log p_{t_0}(x) - s(t_0, x)|. $$

    The flow of any field has a density, but the field is its score only where it satisfies the score's own evolution
    equation over all times: a learned field that is no gradient, or whose levels do not fit together (guidance, early
    stopping, a network with too few levels), has a gap. It needs no data and no truth, so it is a lower
    bar than accuracy: a consistent model may still be that of a wrong law. Where it is large, ``log_prob``, Langevin steps
    and the reverse SDE speak of different laws.

    Args:
        model: any score model that ``log_prob`` takes.
        x: states at ``t0``; the precision is theirs, and float64 shows gaps below about 1e-3.
        condition: what the network is told, with a leading axis of 1 or n, as for ``log_prob``; where it is evidence both
            gradients are zero outside the targets.
        tolerance: of the log-density, as for ``log_prob``.

    Returns:
        Gaps by row, the same alone and in any batch, and their summary.

    Raises:
        TypeError: the process has no law at ``t1``, or ``x`` is not floating-point.
        ValueError: no rows, or a wrong condition as for ``log_prob``.
    """
    require_kind(model, AbstractScoreModel, what="model")
    x = jnp.asarray(x)
    told = one_or_each(condition, len(x))
    check_told(model, condition, x.shape[1:])
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(explain(expected="floating-point rows", got=str(x.dtype), do="convert them first"))
    if len(x) == 0:
        raise ValueError(explain(expected="rows", got="none", do="pass at least one state"))
    ends = flow_ends(model, x.dtype)
    wanted = jnp.asarray(default_tolerance(x.dtype) if tolerance is None else tolerance, x.dtype)
    compared = eqx.Partial(_compared, cast(model, x.dtype), ends, wanted)
    return map_rows(compared, (x, told), shape=x.shape[1:])


def _compared(
    model: AbstractScoreModel,
    ends: FlowEnds,
    tolerance: Float[Array, ""],
    told: tuple[Float[Array, "*shape"], Condition],
    key: Key | None,
) -> ScoreConsistency:
    x, condition = told

    def log_density(z: Float[Array, "*shape"]) -> tuple[Float[Array, ""], Bool[Array, ""]]:
        solved = row_log_prob(model, z, condition, ends=ends, tolerance=tolerance, estimate_error=False)
        return jnp.asarray(solved.value), jnp.asarray(solved.converged)

    gradient, converged = jax.grad(log_density, has_aux=True)(x)
    gradient = jnp.where(converged, gradient, jnp.nan)
    asked, own = bound(model, condition)
    score = asked(model.process.t0, on_targets(asked, x), own)
    lengths = [jnp.sqrt(jnp.sum(part**2)) for part in (gradient - score, gradient, score)]
    longer = jnp.maximum(lengths[1], lengths[2])
    relative = jnp.where(longer == 0, jnp.zeros_like(longer), lengths[0] / longer)
    return ScoreConsistency(gradient, score, lengths[0], relative, converged)
