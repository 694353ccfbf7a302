from ._comparison import BaselineValues, compare, compare_folds
from ._gaussian_and_kernel import GaussianBaseline, KernelBaseline
from ._mixture import MixtureBaseline, unfinished_is_fine
from ._standardised import DensityBaseline

__all__ = [
    "BaselineValues",
    "DensityBaseline",
    "GaussianBaseline",
    "KernelBaseline",
    "MixtureBaseline",
    "compare",
    "compare_folds",
    "unfinished_is_fine",
]
