"""What is known of a row: values, and which coordinates are asked for; the rest is summed over."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from scorax._checked import Checked
from scorax._errors import explain
from scorax._types import Condition


def _as_it_is(part: ArrayLike) -> Array | np.ndarray:
    """An array where it lies: the rows of a table may be a file that is never loaded whole."""
    return part if isinstance(part, jax.Array) else np.asarray(part)


class Evidence(Checked):
    r"""Question to a model: the law of the ``target`` coordinates of a row given the values of the ``known`` ones.

    The two are disjoint; coordinates that are neither are *absent*: summed over, as in a marginal law. It speaks of one row, or
    of many by a leading axis: as the ``condition`` of ``sample``, ``log_prob`` and ``elbo`` of 1, the same for all rows, or of
    n, so that each row has masks of its own. Masks may be traced.

    Args:
        value: a row of clean data; read where ``known``.
        known: truth values in the shape of ``value``: the evidence.
        target: truth values in the same shape: what is asked for, one coordinate or more.
        condition: whatever else the model is told, a class, say.

    Raises:
        TypeError: a value that is no number, or a mask that is no truth value.
        ValueError: shapes that differ, a coordinate that is both known and asked for, no coordinate that is asked for, or a
            known value that is not finite.

    Reference: Koller and Friedman (2009), *Probabilistic graphical models*, section 2.1.5, for evidence and query.
    """

    value: Float[Array, "*rows"] | Float[np.ndarray, "*rows"] = eqx.field(converter=_as_it_is)
    known: Bool[Array, "*rows"] | Bool[np.ndarray, "*rows"] = eqx.field(converter=_as_it_is)
    target: Bool[Array, "*rows"] | Bool[np.ndarray, "*rows"] = eqx.field(converter=_as_it_is)
    condition: Condition = None

    def __check_init__(self) -> None:
        kinds = (self.value.dtype, self.known.dtype, self.target.dtype)
        if not jnp.issubdtype(kinds[0], jnp.floating) or kinds[1:] != (jnp.bool_, jnp.bool_):
            raise TypeError(
                explain(
                    expected="values of floating-point numbers and masks of truth values",
                    got=", ".join(kind.name for kind in kinds),
                    do="pass mask.astype(bool)",
                )
            )
        shapes = [part.shape for part in (self.value, self.known, self.target)]
        if len(set(shapes)) > 1:
            raise ValueError(
                explain(
                    expected=f"masks of the shape of the values, {shapes[0]}",
                    got=f"{shapes[1]} and {shapes[2]}",
                    do="say of every coordinate whether it is known, and whether it is asked for",
                )
            )
        if not any(isinstance(part, Tracer) for part in (self.value, self.known, self.target)):
            _require_a_question(*(np.asarray(part) for part in (self.value, self.known, self.target)))


def _require_a_question(value: np.ndarray, known: np.ndarray, target: np.ndarray) -> None:
    both, unsure = np.count_nonzero(known & target), np.count_nonzero(known & ~np.isfinite(value))
    if both:
        raise ValueError(
            explain(
                expected="coordinates that are known or asked for",
                got=f"{both} that are both",
                do="pass target & ~known",
            )
        )
    if unsure:
        raise ValueError(
            explain(expected="known values that are finite", got=f"{unsure} that are not", do="leave them out of known")
        )
    if value.size and not target.any():
        raise ValueError(_NO_TARGET)


_NO_TARGET = explain(
    expected="a coordinate or more that is asked for in every row", got="none", do="set target where the law is wanted"
)


def require_evidence(evidence: Evidence, shape: tuple[int, ...]) -> None:
    """Refuse evidence of rows of another shape, or with a row of which nothing is asked. It has a leading axis.

    Raises:
        ValueError: either of these.
    """
    if evidence.value.shape[1:] != shape:
        raise ValueError(
            explain(
                expected=f"evidence with a leading axis of rows, then {shape}",
                got=f"shape {evidence.value.shape}",
                do="pass jax.tree.map(lambda leaf: leaf[None], evidence) for one that is the same for all rows",
            )
        )
    axes = tuple(range(1, evidence.target.ndim))
    if not isinstance(evidence.target, Tracer) and not np.all(np.any(np.asarray(evidence.target), axis=axes)):
        raise ValueError(_NO_TARGET)
