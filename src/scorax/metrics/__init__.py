"""Differences between two samples of rows: NumPy and SciPy; scikit-learn is imported inside the functions that train.

Names are loaded on first use.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
