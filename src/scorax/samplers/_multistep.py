"""Linear multistep methods in the logarithm of the signal-to-noise ratio: one evaluation a step."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel
from scorax.processes import Level
from scorax.samplers._abstract import AbstractGridSampler, Traits
from scorax.samplers._grids import AbstractGrid, LogRatioGrid, Node
from scorax.samplers._updates import level_of, narrowed

_TERMS = 19
"""Terms of the series of a moment at steps below one; the first that is left out is below the rounding of float64."""


class History(NamedTuple):
    """What was predicted at the last nodes, the latest first.

    Attributes:
        x0: data predictions.
        lengths: of the steps after the latest but one, the one before that, and so on, in lambda.
        held: how many of them are there yet.
    """

    x0: Float[Array, "p *shape"]
    lengths: Float[Array, " gaps"]
    held: Int[Array, ""]

    @staticmethod
    def empty(x: Float[Array, "*shape"], order: int) -> "History":
        return History(jnp.zeros((order, *x.shape), x.dtype), jnp.ones(order - 1, x.dtype), jnp.zeros((), jnp.int32))

    def after(self, x0: Float[Array, "*shape"]) -> "History":
        """With one more prediction."""
        return self._replace(x0=jnp.concatenate([x0[None], self.x0[:-1]]), held=self.held + 1)

    def stepped(self, h: Float[Array, ""]) -> "History":
        """With one more step."""
        return self._replace(lengths=jnp.concatenate([h[None], self.lengths])[: len(self.lengths)])

    def places(self, h: Float[Array, ""]) -> list[Float[Array, ""]]:
        """Where the predictions stand: the latest at 0, in units of the step ``h`` that follows; ones not there yet beyond."""
        return [jnp.zeros_like(h), *(-jnp.cumsum(self.lengths) / h)]


class DPMSolver(AbstractGridSampler[History]):
    r"""DPM-Solver++: the exponential integrator of the flow in $\lambda = \log(\alpha/\sigma)$, for the data prediction.

    With $h = \lambda_s - \lambda_t$ the flow is

    $$ x_s = \frac{\sigma_s}{\sigma_t} x + \alpha_s \int_0^1 h\, e^{-h (1 - v)}\, \hat x_0(\lambda_t + v h)\, dv. $$

    The prediction is continued by the polynomial through its last values, ``order`` of them, fewer in the first steps. Order 1
    is DDIM. Of order 2 the line is taken at its middle, $D = \hat x_0 + \frac{h}{2 h'} (\hat x_0 - \hat x_0')$ with the
    last step's $h'$, as the reference does; of order 3 the parabola is integrated exactly. The SDE form follows the reverse
    SDE:

    $$ x_s = \frac{\sigma_s}{\sigma_t} e^{-h} x + \alpha_s \int_0^1 2h\, e^{-2h (1 - v)}\, \hat x_0\, dv
             + \sigma_s \sqrt{1 - e^{-2h}}\; z. $$

    Published programs of order 3 take half of the parabola's square term, which leaves the method of order two
    (``docs/samplers.md``); this one does not.

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed.
        stochastic: the SDE form.
        order: 1, 2 or 3.

    Reference: Lu et al. (2022), *DPM-Solver++*, algorithm 2 and eq. 18 (SDE-DPM-Solver++ 2M).
    """

    num_steps: int = 20
    grid: AbstractGrid = LogRatioGrid()
    stochastic: bool = False
    order: int = eqx.field(default=2, static=True)
    needs_denoiser: ClassVar[bool] = True
    traits: ClassVar[Traits] = Traits(
        "flow; reverse SDE where stochastic",
        "1, 2 or 3 (SDE form: 1)",
        "1",
        "a denoiser",
        "few evaluations of an expensive network",
    )

    def __check_init__(self) -> None:
        _check_order(self.order)

    @property
    def follows_flow(self) -> bool:
        return not self.stochastic

    def begin(self, x: Float[Array, "*shape"]) -> History:
        return History.empty(x, self.order)

    def advance(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        memory: History,
        t: Node,
        s: Node,
        condition: Condition,
        *,
        key: Key,
    ) -> tuple[Float[Array, "*shape"], History]:
        level, target = level_of(t), level_of(s)
        h = _length(level, target)
        history = memory.after(narrowed(model).predict_at(level, x, condition).x0)
        rate = 2 * h if self.stochastic else h
        weights = _weights_of_last(rate, history.places(h), jnp.minimum(history.held, self.order))
        kept = target.sigma / level.sigma * (jnp.exp(-h) if self.stochastic else 1)
        y = kept * x + target.alpha * jnp.tensordot(weights, history.x0, 1)
        if self.stochastic:
            spread = jnp.sqrt(-jnp.expm1(-rate)) * target.sigma
            y = y + spread * jax.random.normal(key, x.shape, x.dtype)
        return y, history.stepped(h)


class Corrected(NamedTuple):
    """History, and the last step as far as a correction repeats it.

    Attributes:
        history: predictions before the last step.
        kept: the state that it began at, times the ratio of the noises.
        alpha: the signal where it ended.
        length: its length in lambda.
    """

    history: History
    kept: Float[Array, "*shape"]
    alpha: Float[Array, ""]
    length: Float[Array, ""]


class UniPC(AbstractGridSampler[Corrected]):
    r"""UniPC: every step of :class:`DPMSolver` is done again with the prediction at its end, which the next step needs anyway.

    The corrector is the polynomial through the last ``order`` predictions *and* the new one, integrated exactly over the same
    step; of order 1 the line is taken at its middle. A step so has order ``order + 1`` for one evaluation; the last is not
    corrected.

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed.
        order: 1, 2 or 3, of the predictor.

    Reference: Zhao et al. (2023), *UniPC: a unified predictor-corrector framework for fast sampling of diffusion models*,
    algorithms 5 and 6 with $B(h) = e^h - 1$.
    """

    num_steps: int = 20
    grid: AbstractGrid = LogRatioGrid()
    order: int = eqx.field(default=2, static=True)
    needs_denoiser: ClassVar[bool] = True
    traits: ClassVar[Traits] = Traits(
        "flow", "2, 3 or 4", "1", "a denoiser", "very few evaluations of an expensive network"
    )

    def __check_init__(self) -> None:
        _check_order(self.order)

    @property
    def follows_flow(self) -> bool:
        return True

    def begin(self, x: Float[Array, "*shape"]) -> Corrected:
        one = jnp.ones((), x.dtype)
        return Corrected(History.empty(x, self.order), jnp.zeros_like(x), one, one)

    def advance(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        memory: Corrected,
        t: Node,
        s: Node,
        condition: Condition,
        *,
        key: Key,
    ) -> tuple[Float[Array, "*shape"], Corrected]:
        level, target = level_of(t), level_of(s)
        h, past = _length(level, target), memory.history
        now = narrowed(model).predict_at(level, x, condition).x0
        order = jnp.minimum(past.held, self.order)
        weights = _weights_around(memory.length, past.places(memory.length), order)
        again = memory.kept + memory.alpha * jnp.tensordot(weights, jnp.concatenate([now[None], past.x0]), 1)
        x = jnp.where(past.held > 0, again, x)
        history = past.stepped(memory.length).after(now)
        kept = target.sigma / level.sigma * x
        weights = _weights_of_last(h, history.places(h), jnp.minimum(history.held, self.order))
        y = kept + target.alpha * jnp.tensordot(weights, history.x0, 1)
        return y, Corrected(history, kept, target.alpha, h)


def _check_order(order: int) -> None:
    if order not in (1, 2, 3):
        raise ValueError(explain(expected="order 1, 2 or 3", got=f"{order}", do="2 serves most models"))


def _length(level: Level, target: Level) -> Float[Array, ""]:
    """Length of a step in lambda, from ratios near one and not from two logarithms."""
    return jnp.log(target.alpha / level.alpha) - jnp.log(target.sigma / level.sigma)


def _moments(h: Float[Array, ""], count: int) -> list[Float[Array, ""]]:
    r"""$\int_0^1 h\, e^{-h (1 - v)}\, v^k\, dv$ for $k$ from 0.

    By parts $I_k = 1 - (k / h) I_{k-1}$ from $I_0 = 1 - e^{-h}$, which cancels for small h; below one the series
    $I_k = \sum_{j \ge 1} (-1)^{j+1} \frac{k!}{(k + j)!} h^j$ is exact to rounding.
    """
    small = h < 1
    safe, near = jnp.where(small, 1.0, h), jnp.where(small, h, 1.0)
    found, last = [], -jnp.expm1(-safe)
    for k in range(count):
        last = 1 - k / safe * last if k else last
        term = series = near / (k + 1)
        for j in range(2, _TERMS + 1):
            term = -term * near / (k + j)
            series = series + term
        found.append(jnp.where(small, series, last))
    return found


def _through(places: Sequence[Float[Array, ""]], moments: Sequence[Float[Array, ""]]) -> Float[Array, " n"]:
    """Weights of values at places under the integral of the polynomial through them: moments of the Lagrange basis."""
    powers = jnp.stack([jnp.stack(list(places)) ** k for k in range(len(places))])
    return jnp.linalg.solve(powers, jnp.stack(list(moments[: len(places)])))


def _padded(weights: Float[Array, " n"], length: int) -> Float[Array, " length"]:
    return jnp.concatenate([weights, jnp.zeros(length - len(weights), weights.dtype)])


def _weights_of_last(
    h: Float[Array, ""], places: Sequence[Float[Array, ""]], order: Int[Array, ""]
) -> Float[Array, " p"]:
    """Weights of the last predictions under the integral, by the polynomial of so many of them."""
    moments, most = _moments(h, len(places)), len(places)
    choices = [_padded(moments[0][None], most)]
    if most > 1:  # the line, taken at its middle
        slope = 0.5 * moments[0] / -places[1]
        choices.append(_padded(jnp.stack([moments[0] + slope, -slope]), most))
    if most > 2:
        choices.append(_through(places, moments))
    return jnp.stack(choices)[jnp.clip(order - 1, 0, most - 1)]


def _weights_around(
    h: Float[Array, ""], places: Sequence[Float[Array, ""]], order: Int[Array, ""]
) -> Float[Array, " weights"]:
    """Weights of the prediction at the end of the step and the last ones before it, by so many of these."""
    moments, most = _moments(h, len(places) + 1), len(places) + 1
    end = jnp.ones_like(h)
    choices = [_padded(jnp.stack([0.5 * moments[0], 0.5 * moments[0]]), most)]
    choices += [_padded(_through([end, *places[:n]], moments), most) for n in range(2, most)]
    return jnp.stack(choices)[jnp.clip(order - 1, 0, most - 2)]
