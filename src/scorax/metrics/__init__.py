"""Differences between two samples of rows: NumPy and SciPy; scikit-learn is imported inside the functions that train."""

from scorax.metrics._association import AssociationDifference, association_difference, associations
from scorax.metrics._c2st import ClassifierTest, c2st
from scorax.metrics._calibration import Bands, Calibration
from scorax.metrics._columns import ColumnDifference, Spike, column_differences
from scorax.metrics._conformal import conformal_quantile
from scorax.metrics._copying import Copying, copying, duplicates
from scorax.metrics._detection import Detection, Detector, detection
from scorax.metrics._energy import energy_distance
from scorax.metrics._nearest import leave_one_out_distances, nearest_distances, nearest_mixed_rows
from scorax.metrics._orders import keep_order, order_bits
from scorax.metrics._pictures import frechet_distance, radial_spectrum
from scorax.metrics._share_interval import ShareInterval
from scorax.metrics._utility import Utility, train_on_synthetic
from scorax.metrics._wasserstein import column_wasserstein, sliced_wasserstein

__all__ = [
    "AssociationDifference",
    "Bands",
    "Calibration",
    "ClassifierTest",
    "ColumnDifference",
    "Copying",
    "Detection",
    "Detector",
    "ShareInterval",
    "Spike",
    "Utility",
    "association_difference",
    "associations",
    "c2st",
    "column_differences",
    "column_wasserstein",
    "conformal_quantile",
    "copying",
    "detection",
    "duplicates",
    "energy_distance",
    "frechet_distance",
    "keep_order",
    "leave_one_out_distances",
    "nearest_distances",
    "nearest_mixed_rows",
    "order_bits",
    "radial_spectrum",
    "sliced_wasserstein",
    "train_on_synthetic",
]
