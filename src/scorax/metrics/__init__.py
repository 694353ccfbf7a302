"""Distances between two samples of rows: NumPy and SciPy only; scikit-learn is imported inside `c2st`."""

from scorax.metrics._c2st import ClassifierTest, c2st
from scorax.metrics._energy import energy_distance
from scorax.metrics._nearest import leave_one_out_distances, nearest_distances
from scorax.metrics._wasserstein import column_wasserstein, sliced_wasserstein

__all__ = [
    "ClassifierTest",
    "c2st",
    "column_wasserstein",
    "energy_distance",
    "leave_one_out_distances",
    "nearest_distances",
    "sliced_wasserstein",
]
