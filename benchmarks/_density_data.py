"""Rows of the density benchmark: one shuffled 80/20 split of a table for every seed, in units of its training rows."""

from dataclasses import dataclass

import numpy as np

from scorax.data import embedded, toy_log_density

TABLES = ("iris", "wine", "diabetes", "breast_cancer", "digits")
TOYS = ("two_moons", "checkerboard")
DEFAULT = ("iris", "wine", "diabetes", "breast_cancer", *TOYS)
TRAIN_SHARE = 0.8
TOY_ROWS = 6250


@dataclass(frozen=True)
class Split:
    """Training and test rows, both standardised by mean and standard deviation of the training rows.

    Attributes:
        train: rows to fit and to choose settings on.
        test: rows that are scored, once.
        truth: log-density of the test rows under the law they were drawn from, where there is one.
    """

    train: np.ndarray
    test: np.ndarray
    truth: np.ndarray | None


def split(name: str, seed: int) -> Split:
    """The split of a seed: of a real table another shuffle and bin noise, of a toy another draw.

    Every split of a table has the same shapes, so a second fit finds its programs compiled.
    """
    rows = embedded(name, n=TOY_ROWS, seed=1000 + seed).values if name in TOYS else _shuffled(name, seed)
    count = round(TRAIN_SHARE * len(rows))
    shift, scale = rows[:count].mean(axis=0), rows[:count].std(axis=0)
    z = (rows - shift) / scale
    truth = toy_log_density(name, rows[count:]) + np.log(scale).sum() if name in TOYS else None
    return Split(z[:count], z[count:], truth)


def _shuffled(name: str, seed: int) -> np.ndarray:
    """All rows of a table without its constant columns, each cell moved by uniform noise as wide as its column's smallest gap."""
    random = np.random.default_rng(1000 + seed)
    values = embedded(name).values
    values = values[:, values.std(axis=0) > 0]
    gaps = np.array([np.diff(np.unique(column)).min() for column in values.T])
    values = values + gaps * (random.uniform(size=values.shape) - 0.5)
    return values[random.permutation(len(values))]
