"""What a fitted model is good for: samples and densities against the data, score against flow, information, evidence.

Names are loaded on first use.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
