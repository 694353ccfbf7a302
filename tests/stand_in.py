"""A fitted "model" that is a known Gaussian mixture: what `evaluate` needs, without any training."""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import logsumexp

from scorax.diagnostics import Axis


@dataclass
class StandIn:
    """Kernel density of centres (k, d) with one width: samples, log density and gradient are exact."""

    axes_: list[Axis]
    compared_: np.ndarray
    centres: np.ndarray
    width: float
    fold_: np.ndarray | None = None
    out_of_fold_log_density_: np.ndarray | None = field(default=None)

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        generator = np.random.default_rng(random_state)
        rows = self.centres[generator.integers(0, len(self.centres), n_samples)]
        rows = rows + self.width * self._scale * generator.standard_normal(rows.shape)
        for j, axis in enumerate(self.axes_):
            if axis.step:
                rows[:, j] = np.round(rows[:, j] / axis.step) * axis.step
        return rows

    @property
    def _scale(self) -> np.ndarray:
        return self.compared_.std(axis=0)

    def score_samples(self, x: np.ndarray) -> np.ndarray:
        terms, constant = self._terms(x)
        return logsumexp(terms, axis=1) - constant

    def grad_log_density(self, x: np.ndarray) -> np.ndarray:
        terms, _ = self._terms(x)
        share = np.exp(terms - logsumexp(terms, axis=1, keepdims=True))
        return (share @ self.centres - x) / (self.width * self._scale) ** 2

    def sample_path(self, n_samples: int, num_frames: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
        levels = np.geomspace(20.0, 0.01, num_frames)
        noise = np.random.default_rng(random_state + 1).standard_normal((n_samples, len(self._scale)))
        rows = self.sample(n_samples, random_state)
        return levels, np.stack([rows + level * self._scale * noise for level in levels])

    def _terms(self, x: np.ndarray) -> tuple[np.ndarray, float]:
        z = (x[:, None] - self.centres[None]) / (self.width * self._scale)
        constant = np.log(self.width * self._scale * np.sqrt(2 * np.pi)).sum() + np.log(len(self.centres))
        return -0.5 * (z**2).sum(-1), float(constant)


def moons(seed: int, n: int) -> np.ndarray:
    """Two interleaved half circles with noise 0.1, shape (n, 2)."""
    generator = np.random.default_rng(seed)
    angle = np.pi * generator.random(n)
    upper = generator.random(n) < 0.5
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return np.column_stack([x, y]) + 0.1 * generator.standard_normal((n, 2))


def correlated(seed: int, n: int, d: int) -> np.ndarray:
    """Gaussian rows in d columns driven by d // 3 + 1 factors; every third column rounded to 0.1, scales 1e-2..1e3."""
    mixing = np.random.default_rng(99).standard_normal((d // 3 + 1, d))
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((n, d // 3 + 1)) @ mixing + 0.5 * generator.standard_normal((n, d))
    rows[:, 1::4] = np.exp(0.4 * rows[:, 1::4])
    if d > 2:
        rows[:, ::3] = np.round(rows[:, ::3], 1)
    return rows


def stand_in(
    train: np.ndarray, *, width: float = 0.25, folds: int | None = 5, names: list[str] | None = None
) -> StandIn:
    """A stand-in for the estimator fitted to `train`: a kernel density of the rows of width 0.25 deviations."""
    generator = np.random.default_rng(7)
    d = train.shape[1]
    gaps = [0.1 if j % 3 == 0 and d > 2 else None for j in range(d)]
    rows = train + np.array([gap or 0.0 for gap in gaps]) * (generator.random(train.shape) - 0.5)
    names = names or [f"column {j}" for j in range(d)]
    axes = [Axis(name, "rounded" if gap else "continuous", gap) for name, gap in zip(names, gaps, strict=True)]
    model = StandIn(axes, rows, rows, width)
    if folds:
        model.fold_ = np.arange(len(train)) % folds
        model.out_of_fold_log_density_ = np.empty(len(train))
        for fold in range(folds):
            part = StandIn(axes, rows, rows[model.fold_ != fold], width)
            model.out_of_fold_log_density_[model.fold_ == fold] = part.score_samples(rows[model.fold_ == fold])
    return model
