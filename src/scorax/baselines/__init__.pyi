from ._chain import ChainBaseline, many_classes_are_fine
from ._comparison import BaselineValues, compare, compare_folds, compare_mixed
from ._copula import CopulaBaseline
from ._gaussian_and_kernel import GaussianBaseline, KernelBaseline
from ._mixed import MixedBaseline, MixedRows
from ._mixture import MixtureBaseline, unfinished_is_fine
from ._product_mixture import ProductMixtureBaseline
from ._standardised import DensityBaseline

__all__ = [
    "BaselineValues",
    "ChainBaseline",
    "CopulaBaseline",
    "DensityBaseline",
    "GaussianBaseline",
    "KernelBaseline",
    "MixedBaseline",
    "MixedRows",
    "MixtureBaseline",
    "ProductMixtureBaseline",
    "compare",
    "compare_folds",
    "compare_mixed",
    "many_classes_are_fine",
    "unfinished_is_fine",
]
