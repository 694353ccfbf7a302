"""Studies of a fitted model: density baselines on the same rows, and the records a report shows."""

from scorax.studies._baselines import GaussianBaseline, KernelBaseline
from scorax.studies._comparison import BaselineValues, compare, compare_folds
from scorax.studies._mixture import MixtureBaseline

__all__ = [
    "BaselineValues",
    "GaussianBaseline",
    "KernelBaseline",
    "MixtureBaseline",
    "compare",
    "compare_folds",
]
