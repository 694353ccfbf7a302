"""Arrow's arrays as NumPy's. ``to_numpy`` of Arrow imports pandas where it is installed: half a second for nothing."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def as_numpy(cells: "pa.Array") -> np.ndarray:
    """An array of numbers of which none is null."""
    return np.asarray(np.from_dlpack(cells))


def flags(cells: "pa.Array") -> np.ndarray:
    """An array of truth values of which none is null."""
    import pyarrow as pa

    return as_numpy(cells.cast(pa.uint8())).astype(bool)
