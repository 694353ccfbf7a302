"""A fitted table whose network never learned: its field is exactly the law it starts from, with answers in closed form."""

import jax
import numpy as np
from jaxtyping import Float

from scorax import FitConfig
from scorax.data import NumberFormat, Table, TextFormat
from scorax.tables import EnsembleConfig, FitRows, NetworkConfig, TrainingConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._fitted import FittedTable
from scorax.tables._model import cut_at
from scorax.tables._training import Training

NAMES = ("a", "b", "c", "k")
CONFIG = FitConfig(
    network=NetworkConfig(width=8, depth=1),
    training=TrainingConfig(masks=0.5, max_steps=1),
    ensemble=EnsembleConfig(folds=1, starts=("gaussian",)),
)


def table() -> Table:
    """Three numbers that depend on each other, and a class."""
    random = np.random.default_rng(5)
    root = np.array([[1.0, 0, 0], [0.8, 0.6, 0], [-0.3, 0.5, 0.7]])
    values = np.column_stack([10 + 3 * random.normal(size=(400, 3)) @ root.T, random.choice(3, 400, p=[0.2, 0.3, 0.5])])
    return Table(NAMES, values, (NumberFormat(), NumberFormat(), NumberFormat(), TextFormat(("l", "m", "n"))))


def untrained(config: FitConfig = CONFIG, rows: Table | None = None) -> FittedTable:
    split = FitRows(rows or table()).split(config, 0)
    training = Training.of(split.train, Coordinates.fit(split.train, split.schema), split.settings, seed=0)
    return FittedTable(training.blueprint, cut_at(training.model, 1e-3))


def law(fitted: FittedTable, member: int = 0) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, "3 3"]]:
    """Mean and covariance, in file units, of the numbers under the law that the field starts from."""
    own = jax.tree.map(lambda leaf: np.asarray(leaf[member, 0], np.float64), fitted.blueprint.starts.numbers.components)
    shift, scale = fitted.coordinates.standardize.shift, fitted.coordinates.standardize.scale
    covariance = own.basis @ np.diag(own.variances) @ own.basis.T
    return shift + scale * own.mean, scale[:, None] * covariance * scale


def conditional(
    fitted: FittedTable, target: list[int], given: list[int], at: np.ndarray, member: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of some numbers given the values ``at`` of others, by the formula of the normal law."""
    mean, covariance = law(fitted, member)
    gain = covariance[np.ix_(target, given)] @ np.linalg.inv(covariance[np.ix_(given, given)])
    left = covariance[np.ix_(target, target)] - gain @ covariance[np.ix_(given, target)]
    return mean[target] + gain @ (at - mean[given]), left


ROWS = np.array([[11.0, 12.0, 9.0, 2.0], [6.0, 8.0, 10.0, 0.0], [15.0, 13.0, 7.5, 1.0]])
