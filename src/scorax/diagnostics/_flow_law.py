"""Draws of the law that ``log_prob`` describes, and which samplers make them."""

from typing import NamedTuple

from jaxtyping import Array, Float

from scorax._checked import require_count, require_kind
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.likelihood import AbstractDivergence, LogProb, log_prob
from scorax.models import AbstractScoreModel
from scorax.samplers import AbstractSampler, ProbabilityFlow, Terminal, sample

FLOW = ProbabilityFlow()
"""The default of every study of the law at ``t0``: its draws follow that law to the tolerance of the solve."""


class FlowDraws(NamedTuple):
    """Draws of a model and their log-densities under it; one entry per row."""

    x: Float[Array, "n *shape"]
    density: LogProb


def require_flow(sampler: AbstractSampler, *, asker: str) -> None:
    """Refuse a sampler that adds noise: its draws have another law than the one ``log_prob`` describes.

    Raises:
        TypeError: the sampler does not follow the deterministic flow.
    """
    require_kind(sampler, AbstractSampler, what="sampler")
    if not sampler.follows_flow:
        raise TypeError(
            explain(
                expected=f"a sampler of the deterministic flow for {asker}",
                got=repr(sampler),
                do="use ProbabilityFlow: log_prob is the density of its draws",
            )
        )


def flow_draws(
    model: AbstractScoreModel,
    sampler: AbstractSampler,
    num_samples: int,
    *,
    key: Key,
    start: Terminal | None,
    condition: Condition,
    divergence: AbstractDivergence | None = None,
    asker: str,
) -> FlowDraws:
    """Draws of ``model`` with their log-densities; refusals as :func:`require_flow`, and of fewer than the two draws that a
    standard error needs.

    ``divergence`` ``None`` is that of ``log_prob``, whose probes, if any, follow from the key and the draw.
    """
    require_flow(sampler, asker=asker)
    num_samples = require_count(num_samples, f"num_samples of {asker}", least=2)
    x = sample(model, sampler, num_samples, key=key, start=start, condition=condition)
    return FlowDraws(x, log_prob(model, x, condition, divergence=divergence, key=key))
