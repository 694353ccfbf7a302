"""An estimator whose field is that of the law it starts from, exactly: what it answers has closed forms."""

import numpy as np
from jaxtyping import Float

from scorax import FitConfig, ScoreConditional
from scorax.tables import EnsembleConfig, FitRows, NetworkConfig, Training, TrainingConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._fitted import FittedTable
from scorax.tables._model import cut_at

CONFIG = FitConfig(
    network=NetworkConfig(width=8, depth=1),
    training=TrainingConfig(max_steps=1),
    ensemble=EnsembleConfig(folds=1, starts=("gaussian",)),
)


class Untrained(ScoreConditional):
    """A :class:`ScoreConditional` that is not trained."""

    def _learn(self, rows: FitRows, config: FitConfig) -> None:
        split = rows.split(config, 0)
        coordinates = Coordinates.fit(split.train, split.schema)
        self.training_ = Training.of(split.train, coordinates, split.settings, seed=0)
        self.fitted_ = FittedTable(self.training_.blueprint, cut_at(self.training_.model, 1e-3))
        self.loss_curve_, self.n_iter_, self.seed_ = np.zeros(1), 1, 0


def moments(law: Untrained) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, "d d"]]:
    """Mean and covariance, in file units, of the numbers under the law that the field starts from; y is the last."""
    own = law.fitted_.blueprint.starts.numbers.components
    mean, basis, variances = (np.asarray(part[0, 0], np.float64) for part in (own.mean, own.basis, own.variances))
    shift, scale = law.fitted_.coordinates.standardize.shift, law.fitted_.coordinates.standardize.scale
    return shift + scale * mean, scale[:, None] * (basis * variances @ basis.T) * scale


def given(law: Untrained, X: Float[np.ndarray, "n p"], known: list[int]) -> tuple[Float[np.ndarray, " n"], float]:
    """Means and the deviation of y given some of the numbers of rows, by the formula of the normal law."""
    mean, covariance = moments(law)
    gain = np.linalg.solve(covariance[np.ix_(known, known)], covariance[known, -1])
    means = mean[-1] + (X[:, known] - mean[known]) @ gain
    return means, float(np.sqrt(covariance[-1, -1] - covariance[-1, known] @ gain))
