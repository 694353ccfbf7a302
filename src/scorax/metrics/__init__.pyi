from ._association import AssociationDifference, association_difference, associations
from ._c2st import ClassifierTest, c2st
from ._calibration import Bands, Calibration
from ._columns import ColumnDifference, Spike, column_differences
from ._conformal import conformal_quantile
from ._copying import Copying, copying, duplicates
from ._detection import Detection, Detector, detection
from ._energy import energy_distance
from ._nearest import leave_one_out_distances, nearest_distances, nearest_mixed_rows
from ._orders import keep_order, order_bits
from ._pictures import frechet_distance, radial_spectrum
from ._share_interval import ShareInterval
from ._utility import Utility, train_on_synthetic
from ._wasserstein import column_wasserstein, sliced_wasserstein

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
