"""Two-dimensional toys with a stated law, so that a density learned from them can be compared with the truth."""

from collections.abc import Callable

import numpy as np

_MOON_SD = 0.1
_RING, _RING_SD = 2.0, 0.2
_SWIRL_SD = 0.1


def _two_moons(n: int, random: np.random.Generator) -> np.ndarray:
    angle = np.pi * random.random(n)
    upper = random.random(n) < 0.5
    arc = np.where(
        upper[:, None],
        np.stack([np.cos(angle), np.sin(angle)], axis=1),
        np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1),
    )
    return arc + _MOON_SD * random.normal(size=(n, 2))


def _checkerboard(n: int, random: np.random.Generator) -> np.ndarray:
    column = random.integers(0, 4, n)
    row = 2 * random.integers(0, 2, n) + column % 2
    return 2.0 * (np.stack([column, row], axis=1) + random.random((n, 2))) - 4.0


def _swirl(n: int, random: np.random.Generator) -> np.ndarray:
    angle = 1.5 * np.pi * (1 + 2 * random.random(n))
    arc = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / 5
    return arc + _SWIRL_SD * random.normal(size=(n, 2))


def _centres() -> np.ndarray:
    angle = 2 * np.pi * np.arange(8) / 8
    return _RING * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _eight_gaussians(n: int, random: np.random.Generator) -> np.ndarray:
    return _centres()[random.integers(0, 8, n)] + _RING_SD * random.normal(size=(n, 2))


TOYS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "two_moons": _two_moons,
    "checkerboard": _checkerboard,
    "swirl": _swirl,
    "eight_gaussians": _eight_gaussians,
}
ALIASES = {"moons": "two_moons"}


def _mixture(x: np.ndarray, centres: np.ndarray, weights: np.ndarray, sd: float) -> np.ndarray:
    """Log-density of a mixture of round Gaussians of one width, in chunks to keep memory flat."""
    from scipy.special import logsumexp

    parts = [np.empty(0)]
    for start in range(0, len(x), 4096):
        squared = ((x[start : start + 4096, None, :] - centres) ** 2).sum(axis=-1)
        parts.append(logsumexp(-0.5 * squared / sd**2, b=weights, axis=1) - np.log(2 * np.pi * sd**2))
    return np.concatenate(parts)


def _two_moons_density(x: np.ndarray) -> np.ndarray:
    # Gauss-Legendre over the angle: 256 nodes stand 0.02 apart at most, a fifth of the width of the noise, where
    # the rule has converged to round-off.
    nodes, weights = np.polynomial.legendre.leggauss(256)
    angle, weights = np.pi * (nodes + 1) / 2, weights / 4
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    return _mixture(x, np.concatenate([upper, lower]), np.concatenate([weights, weights]), _MOON_SD)


def _checkerboard_density(x: np.ndarray) -> np.ndarray:
    cell = np.floor((x + 4) / 2)
    inside = ((cell >= 0) & (cell < 4)).all(axis=1) & (cell.sum(axis=1) % 2 == 0)
    return np.where(inside, -np.log(32.0), -np.inf)


def _eight_gaussians_density(x: np.ndarray) -> np.ndarray:
    return _mixture(x, _centres(), np.full(8, 1 / 8), _RING_SD)


_DENSITIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "two_moons": _two_moons_density,
    "checkerboard": _checkerboard_density,
    "eight_gaussians": _eight_gaussians_density,
}


def toy_log_density(name: str, x: np.ndarray) -> np.ndarray:
    """Exact log-density of a toy at points x of shape (n, 2); the laws stand in ``embedded``.

    ``swirl`` has none here and raises ``ValueError``.
    """
    name = ALIASES.get(name, name)
    if name not in _DENSITIES:
        raise ValueError(f"expected one of {', '.join(_DENSITIES)}, got {name!r}")
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"expected points of shape (n, 2), got {x.shape}")
    return _DENSITIES[name](x)
