"""Studies of a model: density baselines on the same rows, information and evidence, and the records a report shows.

Names are loaded on first use.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
