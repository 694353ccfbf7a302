"""Every method that exists on targets whose answer is known: what ``scorax check`` and the tests run.

Names are loaded on first use.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
