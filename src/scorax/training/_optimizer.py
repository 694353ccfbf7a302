"""The optimiser of the recipes."""

import math

import optax

from scorax._checked import require_count, require_positive
from scorax._errors import explain


def adamw(
    learning_rate: float,
    *,
    num_steps: int,
    warmup_steps: int = 100,
    weight_decay: float = 1e-3,
    clip_norm: float = 1.0,
) -> optax.GradientTransformation:
    """AdamW behind clipping by global norm, with linear warm-up and cosine decay to zero at ``num_steps``.

    It is what the pages and the recipe for tables train with, made of Optax's parts: the schedule needs the number of steps,
    and a warm-up that fits a short training. Any other transformation of Optax serves :func:`fit` as well.

    Args:
        learning_rate: peak rate.
        num_steps: length of the schedule.
        warmup_steps: steps of linear warm-up; cut to a tenth of ``num_steps`` when that is less.
        weight_decay: decoupled decay.
        clip_norm: bound on the global norm of the gradient; per member in an ensemble.

    Raises:
        TypeError: a number of steps that is no whole number.
        ValueError: a negative one, a rate or a decay that is negative or not finite, or a bound that is not positive.
    """
    _require_finite(weight_decay, "weight_decay")
    require_positive(clip_norm, "clip_norm")
    warmup_steps = require_count(warmup_steps, "warmup_steps", least=0)
    schedule = learning_rates(learning_rate, num_steps=num_steps, warmup_steps=warmup_steps)
    return optax.chain(optax.clip_by_global_norm(clip_norm), optax.adamw(schedule, weight_decay=weight_decay))


def learning_rates(learning_rate: float, *, num_steps: int, warmup_steps: int = 100) -> optax.Schedule:
    """The rate of every step of :func:`adamw`: linear warm-up, then a cosine to zero.

    Raises:
        TypeError: a number of steps that is no whole number.
        ValueError: a negative one, or a rate that is negative or not finite.
    """
    _require_finite(learning_rate, "learning_rate")
    num_steps = require_count(num_steps, "num_steps", least=0)
    warmup = min(warmup_steps, max(1, num_steps // 10))
    return optax.warmup_cosine_decay_schedule(0.0, learning_rate, warmup, max(num_steps, warmup + 1))


def _require_finite(value: float, name: str) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(explain(expected=f"{name} of 0 or more", got=f"{value}", do="pass a finite number"))
