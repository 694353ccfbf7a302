"""Noise tables of discrete chains (DDPM, NCSN) on a continuous clock."""

import zlib
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from scorax._errors import explain
from scorax._text import quote
from scorax.processes._gaussian_process import AbstractGaussianProcess

Table = tuple[float, ...]


class Tabulated(AbstractGaussianProcess):
    r"""Gaussian process through the levels of a table; made by :meth:`from_betas`, :meth:`from_alphas_cumprod` or
    :meth:`from_sigmas`.

    The clock: node ``k`` of ``N``, counted from one, stands at ``t = k / N``, least noise first, so ``t0 = 1/N`` and
    ``t1 = 1``. At the nodes the levels are those of the table; between them $\log(\sigma/\alpha)$ is linear in ``t``. Hence
    $f$ and $g^2$ jump at the nodes (there they are those of the interval that follows).

    With $\alpha_k, \sigma_k$ at the nodes the chain of DDPM is $\beta_k = 1 - (\alpha_k/\alpha_{k-1})^2$, $\alpha_0 = 1$,
    and its posterior follows from the levels at two nodes. The tables are constants: held in float64 and never trained.

    Reading the leaves of a saved model into one with another table (``equinox.tree_deserialise_leaves``) leaves that table
    where it is; its first use then raises a ``ValueError``.

    Attributes:
        log_ratios: $\log(\sigma_k/\alpha_k)$, increasing.
        preserving: whether $\alpha^2 + \sigma^2 = 1$ (DDPM) or $\alpha = 1$ (NCSN).
        t0: cut-off of the clock, not before the first node.
        t1: end of the clock, not after the last.
        fingerprint: checksum of the table, a leaf that is saved with the weights.

    References: Ho et al. (2020), eq. 4; Song and Ermon (2019), section 4.1.
    """

    # Floats and not arrays: grids and ends of flows are computed from them ahead of time, also while a caller is traced.
    log_ratios: Table = eqx.field(static=True, repr=False)
    preserving: bool = eqx.field(static=True)
    t0: float
    t1: float = 1.0
    fingerprint: int = eqx.field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.fingerprint = _fingerprint(self.log_ratios, self.preserving)

    def __check_init__(self) -> None:
        ratios = np.asarray(self.log_ratios)
        if len(ratios) < 2 or not np.all(np.isfinite(ratios)) or not np.all(np.diff(ratios) > 0):
            raise ValueError(
                explain(
                    expected="at least two finite log_ratios in strict order",
                    got=quote(self.log_ratios),
                    do="make it by from_betas or from_sigmas",
                )
            )
        first = 1 / len(self._table[0])
        if not first * (1 - 1e-9) <= self.t0 < self.t1 <= 1:
            raise ValueError(
                explain(
                    expected=f"{first:g} <= t0 < t1 <= 1",
                    got=f"{self.t0}, {self.t1}",
                    do="keep the clock between the first and the last node of the table",
                )
            )

    @staticmethod
    def from_betas(betas: Sequence[float] | np.ndarray) -> "Tabulated":
        r"""The chain $x_k = \sqrt{1 - \beta_k}\, x_{k-1} + \sqrt{\beta_k}\, z$ of DDPM.

        Its signal is $\alpha_k^2 = \prod_{i \le k} (1 - \beta_i)$.

        Raises:
            ValueError: fewer than two, or one outside (0, 1): $\beta_1 = 0$ leaves the first node without noise and its
                score undefined, $\beta_k = 1$ leaves no signal.
        """
        values = _vector(betas, "betas")
        if not np.all((values > 0) & (values < 1)):
            odd = values[~((values > 0) & (values < 1))][0]
            raise ValueError(
                explain(
                    expected="betas strictly between 0 and 1",
                    got=f"{odd:g}",
                    do="drop nodes without noise (sigma = 0) or without signal (alpha = 0)",
                )
            )
        log_squares = np.cumsum(np.log1p(-values))  # log alpha_k^2
        return _tabulated(0.5 * np.log(np.expm1(-log_squares)), preserving=True)

    @staticmethod
    def from_alphas_cumprod(
        alphas_cumprod: Sequence[float] | np.ndarray, *, zero_terminal_snr: bool = False
    ) -> "Tabulated":
        r"""The chain whose signals are given, $\alpha_k^2 = \bar\alpha_k$, as checkpoints of diffusion models state it.

        A last value of 0, no signal, stands as $2^{-24}$, the rounding of float32, or as a fourth of the value before it where
        that is less, so that every level has a finite ratio.

        Args:
            alphas_cumprod: $\bar\alpha_k$, the least noise first.
            zero_terminal_snr: move and stretch $\alpha_k$ so that the first keeps its value and the last has none:
                $(\alpha_k - \alpha_N)\, \alpha_1 / (\alpha_1 - \alpha_N)$.

        Raises:
            ValueError: fewer than two, not strictly decreasing, or outside (0, 1) but for a last 0.

        Reference: Lin et al. (2024), *Common diffusion noise schedules and sample steps are flawed*, algorithm 1.
        """
        values = _vector(alphas_cumprod, "alphas_cumprod")
        if not (np.all(np.diff(values) < 0) and values[0] < 1 and values[-1] >= 0):
            raise ValueError(
                explain(
                    expected="alphas_cumprod strictly decreasing from below 1 to 0 or above",
                    got=quote(values.tolist()),
                    do="pass the cumulative products of 1 - beta",
                )
            )
        if zero_terminal_snr:
            alphas = np.sqrt(values)
            values = ((alphas - alphas[-1]) * alphas[0] / (alphas[0] - alphas[-1])) ** 2
        if values[-1] == 0:
            values[-1] = min(2.0**-24, values[-2] / 4)
        return _tabulated(0.5 * (np.log1p(-values) - np.log(values)), preserving=True)

    @staticmethod
    def from_sigmas(sigmas: Sequence[float] | np.ndarray) -> "Tabulated":
        """The ladder of noise scales of NCSN, ``x_k = x0 + sigma_k z``, given in either order.

        Raises:
            ValueError: fewer than two, or not positive and strictly monotone.
        """
        values = _vector(sigmas, "sigmas")
        values = values[::-1] if values[0] > values[-1] else values
        if not (values[0] > 0 and np.all(np.diff(values) > 0)):
            raise ValueError(
                explain(
                    expected="positive sigmas in strict order",
                    got=quote(np.asarray(sigmas).tolist()),
                    do="sort and deduplicate them",
                )
            )
        return _tabulated(np.log(values), preserving=False)

    @property
    def nodes(self) -> Float[np.ndarray, " n"]:
        """Times of the nodes inside the clock, least noise first (host, float64)."""
        times, _ = self._table
        return times[(times >= self.t0 * (1 - 1e-9)) & (times <= self.t1)]

    @property
    def _table(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Times and log-ratios of all nodes.

        Raises:
            ValueError: the leaves of this process were saved with another table.
        """
        saved = self.fingerprint
        if isinstance(saved, int) and saved != _fingerprint(self.log_ratios, self.preserving):
            raise ValueError(
                explain(
                    expected="the noise table that the weights were saved with",
                    got=f"another of {len(self.log_ratios)} nodes",
                    do="build the model from the table it was trained under, then read its leaves",
                )
            )
        count = len(self.log_ratios)
        return np.arange(1, count + 1) / count, np.asarray(self.log_ratios)

    def log_ratio(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return _interpolate(t, *self._table)

    def time_of(self, log_ratio: Float[Array, ""]) -> Float[Array, ""]:
        return _interpolate(log_ratio, *reversed(self._table))

    def alpha(self, t: Float[Array, ""]) -> Float[Array, ""]:
        # alpha^2 = sigmoid(-2 log-ratio); the derivative of a sigmoid near one would cancel, that of softplus does not.
        return jnp.exp(-0.5 * jax.nn.softplus(2 * self.log_ratio(t))) if self.preserving else jnp.ones_like(t)

    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return jax.nn.sigmoid(2 * self.log_ratio(t)) if self.preserving else jnp.exp(2 * self.log_ratio(t))

    def added_variance(self, s: Float[Array, ""], t: Float[Array, ""]) -> Float[Array, ""]:
        return self.variance(t) * -jnp.expm1(-2 * _increase(s, t, *self._table))


def _fingerprint(log_ratios: Table, preserving: bool) -> int:
    """Thirty-one bits, so that a program in which 32 are the widest integer can take them."""
    return zlib.crc32(np.asarray(log_ratios, np.float64).tobytes() + bytes([bool(preserving)])) & 0x7FFFFFFF


def _tabulated(log_ratios: Float[np.ndarray, " n"], *, preserving: bool) -> Tabulated:
    return Tabulated(log_ratios=tuple(float(r) for r in log_ratios), preserving=preserving, t0=1 / len(log_ratios))


def _vector(values: Sequence[float] | np.ndarray, name: str) -> Float[np.ndarray, " n"]:
    table = np.asarray(values, np.float64)
    if table.ndim != 1 or len(table) < 2:
        raise ValueError(
            explain(expected=f"a list of at least two {name}", got=f"shape {table.shape}", do="pass the chain")
        )
    return table


def _interpolate(x: Float[Array, ""], knots: np.ndarray, values: np.ndarray) -> Float[Array, ""]:
    """Piecewise linear, exact at the knots, the outer pieces continued (nothing is clipped)."""
    piece, at, left, slope = _piece(x, knots, values)
    # The last knot belongs to the piece before it, which would reach its value only up to rounding.
    return jnp.where(x == at[-1], left[-1] + slope * (x - at[-1]), left[piece] + slope * (x - at[piece]))


def _increase(x: Float[Array, ""], y: Float[Array, ""], knots: np.ndarray, values: np.ndarray) -> Float[Array, ""]:
    """Increase of the same function from ``x`` to ``y``, without the difference of its values where they share a piece."""
    (first, at, left, slope), (last, _, _, last_slope) = (_piece(z, knots, values) for z in (x, y))
    apart = slope * (at[first + 1] - x) + (left[last] - left[first + 1]) + last_slope * (y - at[last])
    return jnp.where(first == last, slope * (y - x), apart)


def _piece(
    x: Float[Array, ""], knots: np.ndarray, values: np.ndarray
) -> tuple[Int[Array, ""], Float[Array, " n"], Float[Array, " n"], Float[Array, ""]]:
    """Number of the piece that holds ``x``, the knots and values in its precision, and the slope of the piece."""
    at = jnp.asarray(knots, x.dtype)
    piece = jnp.clip(jnp.searchsorted(at, x, side="right") - 1, 0, len(knots) - 2)
    slope = jnp.asarray(np.diff(values) / np.diff(knots), x.dtype)[piece]
    return piece, at, jnp.asarray(values, x.dtype), slope
