"""Methods of solving the flow of a row, and which flow gets which."""

import math
from dataclasses import dataclass

from jax.core import Tracer

from scorax._types import Scalar
from scorax.likelihood._divergences import AbstractDivergence
from scorax.likelihood._rules import PRECISE, QUICK, Rule
from scorax.models import AbstractDenoiser, AbstractNetworkModel, AbstractScoreModel


@dataclass(frozen=True, eq=False)
class Method:
    """A rule of panels, the coordinate it goes over, and what its step control may do.

    Attributes:
        rule: how a panel is made.
        low: noise, for data of unit scale, from which the coordinate goes as its logarithm; ``None`` for the flow's own.
        first_step: first pair of panels at a tolerance of 1e-3, as a share of the way.
        growth: largest factor from one step to the next. On a mesh that changes evenly the distance of the pair stays in
            proportion to the error; with Diffrax's own factor of 10 it was by accident too small for whole families of rows.
    """

    rule: Rule
    low: float | None
    first_step: float
    growth: float


SMOOTH = Method(PRECISE, None, first_step=0.15, growth=2.0)
"""For closed forms, and scores that are no denoisers."""

STRICT = Method(PRECISE, math.inf, first_step=0.02, growth=2.0)
"""For networks at strict tolerances, whose steps are short where the field is rough."""

LOOSE = Method(PRECISE, 0.07, first_step=0.07, growth=1.3)
"""For networks at loose tolerances: nearly even steps over a coordinate in which a network changes evenly. A step control that
trusts one small estimate grows past what is rough, and then the solution at twice the step knows nothing of the error."""

FAST = Method(QUICK, 0.07, first_step=0.07, growth=1.1)
"""The same where a divergence costs little more than the field."""

_LOOSE_FROM = 1e-5
_FEW_PRODUCTS = 8
"""Most products of a divergence up to which the evaluations of the state beside it count."""


def method_for(
    model: AbstractScoreModel, divergence: AbstractDivergence, shape: tuple[int, ...], rtol: Scalar, atol: Scalar
) -> Method:
    """How flows of a model are solved. A tolerance that is not known when the program is made is taken for a strict one."""
    if not (isinstance(model, AbstractDenoiser) and isinstance(model, AbstractNetworkModel)):
        return SMOOTH
    if isinstance(rtol, Tracer) or isinstance(atol, Tracer) or max(float(rtol), float(atol)) < _LOOSE_FROM:
        return STRICT
    products = divergence.num_probes or math.prod(shape)
    return FAST if products <= _FEW_PRODUCTS else LOOSE
