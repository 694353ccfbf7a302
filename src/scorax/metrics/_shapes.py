"""The one check every two-sample metric makes on entry."""

import numpy as np

from scorax._errors import InputError, explain


def check_pair(x: np.ndarray, y: np.ndarray) -> None:
    """Refuse empty samples, different widths and non-finite cells: a NaN would spread over every distance."""
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or 0 in x.shape or 0 in y.shape:
        raise InputError(
            explain(
                expected="two non-empty samples (n, d) and (m, d) with the same columns",
                got=f"shapes {x.shape} and {y.shape}",
                do="pass rows of the same table",
            )
        )
    for label, values in (("first", x), ("second", y)):
        bad = int(np.sum(~np.isfinite(values).all(axis=1)))
        if bad:
            raise InputError(
                explain(
                    expected="finite values",
                    got=f"{bad} rows with NaN or infinity in the {label} sample",
                    do="drop or impute those rows before comparing",
                )
            )
