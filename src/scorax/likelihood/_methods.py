"""Methods of solving the flow of a row, and which flow gets which."""

import math
from dataclasses import dataclass

from jax.core import Tracer

from scorax._types import Scalar
from scorax.likelihood._divergences import AbstractDivergence
from scorax.models import AbstractDenoiser, AbstractNetworkModel, AbstractScoreModel


@dataclass(frozen=True, eq=False)
class Method:
    """What all methods have.

    Attributes:
        low: noise, for data of unit scale, from which the coordinate goes as its logarithm; ``None`` for the flow's own.
        share: what the distance to the coarser solution is multiplied by for a bound of the error.
    """

    low: float | None
    share: float


@dataclass(frozen=True, eq=False)
class Steps(Method):
    """Panels one after another, and what their step control may do.

    In the limit of small steps 1 / (2^5 - 1) would do for a share; they are not small at usual tolerances
    (``docs/likelihood.md``).

    Attributes:
        first_step: first pair of panels at a tolerance of 1e-3, as a share of the way.
        growth: largest factor from one step to the next. On a mesh that changes evenly the distance of the pair stays in
            proportion to the error; with Diffrax's own factor of 10 it was by accident too small for whole families of rows.
    """

    first_step: float
    growth: float


@dataclass(frozen=True, eq=False)
class Nodes(Method):
    """Sweeps over nodes that are laid out beforehand, and where that is not enough over more of them.

    Attributes:
        opening: level of the first sweep at a tolerance of 1; two more for every digit.
    """

    opening: int


SMOOTH = Steps(None, 1 / 4, first_step=0.15, growth=2.0)
"""For closed forms, and scores that are no denoisers."""

STRICT = Steps(math.inf, 1 / 4, first_step=0.02, growth=2.0)
"""For networks at strict tolerances, whose steps are short where the field is rough."""

LOOSE = Steps(0.07, 1 / 4, first_step=0.07, growth=1.3)
"""For networks at loose tolerances: nearly even steps over a coordinate in which a network changes evenly. A step control that
trusts one small estimate grows past what is rough, and then the solution at twice the step knows nothing of the error."""

SWEPT = Nodes(0.3, 1.0, opening=4)
"""For networks at loose tolerances where a divergence costs little more than the field."""

SWEPT_CLOSED = Nodes(0.3, 1.0, opening=5)
"""For other denoisers, closed forms, at the loosest ones. Those fields turn suddenly far from the data, and elsewhere are so
smooth that steps of high order pay sooner."""

_LOOSE_FROM = 1e-5
_LOOSE_CLOSED_FROM = 0.1

_FEW_PRODUCTS = 16
"""Most products of a divergence up to which the evaluations of the state beside it count: steps take three for every one."""

_FEW_PRODUCTS_CLOSED = 4
"""The same for closed forms."""


def steps_for(model: AbstractScoreModel, rtol: Scalar, atol: Scalar) -> Steps:
    """How flows of a model are solved step by step. A tolerance that is not known when the program is made is a strict one."""
    if not _is_network(model):
        return SMOOTH
    return LOOSE if _loosest(rtol, atol) >= _LOOSE_FROM else STRICT


def nodes_for(
    model: AbstractScoreModel, divergence: AbstractDivergence, shape: tuple[int, ...], rtol: Scalar, atol: Scalar
) -> Nodes | None:
    """By which sweeps many rows of such flows are solved first; ``None`` where steps are better."""
    tolerance, products = _loosest(rtol, atol), divergence.products(math.prod(shape))
    if _is_network(model):
        return SWEPT if tolerance >= _LOOSE_FROM and products <= _FEW_PRODUCTS else None
    closed = isinstance(model, AbstractDenoiser) and products <= _FEW_PRODUCTS_CLOSED
    return SWEPT_CLOSED if closed and tolerance >= _LOOSE_CLOSED_FROM else None


def _is_network(model: AbstractScoreModel) -> bool:
    return isinstance(model, AbstractDenoiser) and isinstance(model, AbstractNetworkModel)


def _loosest(rtol: Scalar, atol: Scalar) -> float:
    return 0.0 if isinstance(rtol, Tracer) or isinstance(atol, Tracer) else max(float(rtol), float(atol))
