"""Priors of parameters: laws of one number with a distribution function, a quantile function and a support."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float
from scipy import special

_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


class Tails(NamedTuple):
    """The mass below values and the mass above them: the smaller one is exact."""

    below: Float[np.ndarray, " n"]
    above: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class AbstractPrior(ABC):
    r"""A law of one number $\theta$ with the distribution function F.

    A model sees $u = \Phi^{-1}(F(\theta))$, which is N(0, 1) under the prior. Whatever u is, $\theta$ lies in the support, and a
    density of u is one of $\theta$ times $\pi(\theta) / \varphi(u)$.

    Attributes:
        kind: its name on the command line and in ``schema.json``.
    """

    kind: str = field(kw_only=True)

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """The ends, infinite where there is none."""

    @abstractmethod
    def tails(self, values: Float[np.ndarray, " n"]) -> Tails:
        """The mass below and above values of the support."""

    @abstractmethod
    def quantiles(self, tails: Tails) -> Float[np.ndarray, " n"]:
        """The values with these masses beside them."""

    @abstractmethod
    def log_density(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        r"""$\log \pi$ at values of the support."""

    def forward(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        r"""$u = \Phi^{-1}(F(\theta))$, from the smaller mass."""
        below, above = self.tails(values)
        return np.where(below <= above, special.ndtri(below), -special.ndtri(above))

    def inverse(self, numbers: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        r"""$F^{-1}(\Phi(u))$, where rounding may reach an end of the support and not pass it."""
        found = self.quantiles(Tails(special.ndtr(numbers), special.ndtr(-numbers)))
        return np.clip(found, *self.support)

    def rounding(self, eps: float) -> tuple[float, float]:
        """How far apart values near the ends are in a precision: a distance, and a share of the value.

        Four units of the last place of the larger end, so that of a value at an end something lies inside.
        """
        return 4 * eps * max((abs(end) for end in self.support if math.isfinite(end)), default=0.0), 0.0

    def log_slope(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        r"""$\log du/d\theta = \log \pi(\theta) - \log \varphi(u)$."""
        return self.log_density(values) + 0.5 * np.square(self.forward(values)) + _HALF_LOG_TAU

    def __str__(self) -> str:
        numbers = [getattr(self, part.name) for part in fields(self) if part.name != "kind"]
        return f"{self.kind}({', '.join(f'{number:g}' for number in numbers)})"


@dataclass(frozen=True)
class Uniform(AbstractPrior):
    """The uniform law between two ends.

    Attributes:
        low: lower end.
        high: upper end.
    """

    low: float
    high: float
    kind: Literal["uniform"] = field(default="uniform", kw_only=True)

    def __post_init__(self) -> None:
        _require_ascending(self.low, self.high)

    @property
    def support(self) -> tuple[float, float]:
        """Both ends."""
        return self.low, self.high

    def tails(self, values: Float[np.ndarray, " n"]) -> Tails:
        """Distances from the ends over the width."""
        width = self.high - self.low
        return Tails((values - self.low) / width, (self.high - values) / width)

    def quantiles(self, tails: Tails) -> Float[np.ndarray, " n"]:
        """From the nearer end."""
        width = self.high - self.low
        near = tails.below <= tails.above
        return np.where(near, self.low + width * tails.below, self.high - width * tails.above)

    def log_density(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Minus the logarithm of the width."""
        return np.full(np.shape(values), -math.log(self.high - self.low))


@dataclass(frozen=True)
class LogUniform(AbstractPrior):
    """The law of a positive number whose logarithm is uniform.

    Attributes:
        low: lower end, positive.
        high: upper end.
    """

    low: float
    high: float
    kind: Literal["loguniform"] = field(default="loguniform", kw_only=True)

    def __post_init__(self) -> None:
        _require_positive(low=self.low)
        _require_ascending(self.low, self.high)

    @property
    def support(self) -> tuple[float, float]:
        """Both ends."""
        return self.low, self.high

    @property
    def _log(self) -> Uniform:
        return Uniform(math.log(self.low), math.log(self.high))

    def tails(self, values: Float[np.ndarray, " n"]) -> Tails:
        """Those of the logarithm."""
        return self._log.tails(np.log(values))

    def quantiles(self, tails: Tails) -> Float[np.ndarray, " n"]:
        """Of the logarithm."""
        return np.exp(self._log.quantiles(tails))

    def rounding(self, eps: float) -> tuple[float, float]:
        """A share of the value, which is small by orders: what rounding of its logarithm leaves."""
        return 0.0, max(4 * eps, self._log.rounding(eps)[0])

    def log_density(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        r"""$-\log(\theta \log(b / a))$."""
        return self._log.log_density(values) - np.log(values)


@dataclass(frozen=True)
class Normal(AbstractPrior):
    """The normal law.

    Attributes:
        mean: its mean.
        deviation: its standard deviation.
    """

    mean: float
    deviation: float
    kind: Literal["normal"] = field(default="normal", kw_only=True)

    def __post_init__(self) -> None:
        _require_positive(deviation=self.deviation)

    @property
    def support(self) -> tuple[float, float]:
        """The whole line."""
        return -np.inf, np.inf

    def tails(self, values: Float[np.ndarray, " n"]) -> Tails:
        """Those of the standard normal law."""
        z = self.forward(values)
        return Tails(special.ndtr(z), special.ndtr(-z))

    def quantiles(self, tails: Tails) -> Float[np.ndarray, " n"]:
        """Of the standard normal law, scaled."""
        near = tails.below <= tails.above
        return self.inverse(np.where(near, special.ndtri(tails.below), -special.ndtri(tails.above)))

    def forward(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Deviations from the mean."""
        return (values - self.mean) / self.deviation

    def inverse(self, numbers: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The mean and so many deviations."""
        return self.mean + self.deviation * numbers

    def log_density(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """That of the normal law."""
        return -0.5 * np.square(self.forward(values)) - _HALF_LOG_TAU - math.log(self.deviation)


@dataclass(frozen=True)
class LogNormal(AbstractPrior):
    """The law of a positive number whose logarithm is normal.

    Attributes:
        mean: mean of the logarithm.
        deviation: standard deviation of the logarithm.
    """

    mean: float
    deviation: float
    kind: Literal["lognormal"] = field(default="lognormal", kw_only=True)

    def __post_init__(self) -> None:
        _require_positive(deviation=self.deviation)

    @property
    def support(self) -> tuple[float, float]:
        """From zero on."""
        return 0.0, np.inf

    @property
    def _log(self) -> Normal:
        return Normal(self.mean, self.deviation)

    def tails(self, values: Float[np.ndarray, " n"]) -> Tails:
        """Those of the logarithm."""
        return self._log.tails(np.log(values))

    def quantiles(self, tails: Tails) -> Float[np.ndarray, " n"]:
        """Of the logarithm."""
        return np.exp(self._log.quantiles(tails))

    def log_density(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        r"""That of the logarithm, less $\log \theta$."""
        return self._log.log_density(np.log(values)) - np.log(values)


@dataclass(frozen=True)
class Beta(AbstractPrior):
    r"""The beta law between 0 and 1, with a density proportional to $\theta^{a-1} (1-\theta)^{b-1}$.

    Attributes:
        a: first shape.
        b: second shape.
    """

    a: float
    b: float
    kind: Literal["beta"] = field(default="beta", kw_only=True)

    def __post_init__(self) -> None:
        _require_positive(a=self.a, b=self.b)

    @property
    def support(self) -> tuple[float, float]:
        """From 0 to 1."""
        return 0.0, 1.0

    def tails(self, values: Float[np.ndarray, " n"]) -> Tails:
        """The regularised incomplete beta function."""
        return Tails(special.betainc(self.a, self.b, values), special.betaincc(self.a, self.b, values))

    def quantiles(self, tails: Tails) -> Float[np.ndarray, " n"]:
        """The inverse of that function, from the smaller mass."""
        low = special.betaincinv(self.a, self.b, tails.below)
        return np.where(tails.below <= tails.above, low, special.betainccinv(self.a, self.b, tails.above))

    def log_density(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """That of the beta law."""
        powers = special.xlogy(self.a - 1, values) + special.xlog1py(self.b - 1, -values)
        return powers - special.betaln(self.a, self.b)


@dataclass(frozen=True)
class Gamma(AbstractPrior):
    r"""The gamma law of a positive number, with a density proportional to $\theta^{k-1} e^{-\theta / s}$; k = 1 is exponential.

    Attributes:
        shape: k.
        scale: s, the mean over k.
    """

    shape: float
    scale: float
    kind: Literal["gamma"] = field(default="gamma", kw_only=True)

    def __post_init__(self) -> None:
        _require_positive(shape=self.shape, scale=self.scale)

    @property
    def support(self) -> tuple[float, float]:
        """From zero on."""
        return 0.0, np.inf

    def tails(self, values: Float[np.ndarray, " n"]) -> Tails:
        """The regularised incomplete gamma functions."""
        z = values / self.scale
        return Tails(special.gammainc(self.shape, z), special.gammaincc(self.shape, z))

    def quantiles(self, tails: Tails) -> Float[np.ndarray, " n"]:
        """The inverses of these functions, from the smaller mass."""
        low = special.gammaincinv(self.shape, tails.below)
        return self.scale * np.where(tails.below <= tails.above, low, special.gammainccinv(self.shape, tails.above))

    def log_density(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """That of the gamma law."""
        z = values / self.scale
        return special.xlogy(self.shape - 1, z) - z - special.gammaln(self.shape) - math.log(self.scale)


Prior: TypeAlias = Uniform | Normal | LogUniform | LogNormal | Beta | Gamma
"""Any of the laws. A file and the command line name the one they mean by its field ``kind``."""

PRIORS: dict[str, type[Prior]] = {
    "uniform": Uniform,
    "normal": Normal,
    "loguniform": LogUniform,
    "lognormal": LogNormal,
    "beta": Beta,
    "gamma": Gamma,
}
"""Every law by its ``kind``."""


def _require_ascending(low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"low, {low!r}, is not below high, {high!r}")


def _require_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 < number < math.inf:
            raise ValueError(f"{name}, {number!r}, is not positive and finite")
