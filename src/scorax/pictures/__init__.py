"""Pictures: the recipe for pictures of one size, once, for the command line and for Python. Names are loaded on first use."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
