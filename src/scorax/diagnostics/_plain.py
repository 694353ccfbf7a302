"""Arrays as records hold them: nested tuples with a fixed number of digits; what is not finite becomes None."""

from typing import Any

import numpy as np


def plain(values: Any, *, digits: int = 6) -> Any:
    """Numbers or arrays as Python numbers and tuples, with `digits` significant digits; NaN and inf become None."""
    array = np.asarray(values)
    if array.ndim:
        return tuple(plain(item, digits=digits) for item in array)
    if array.dtype.kind in "iub":
        return array.item()
    number = float(array)
    return float(f"{number:.{digits}g}") if np.isfinite(number) else None


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean and its standard error s / sqrt(n); the error of a single value is NaN."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(values.mean()), float(error)
