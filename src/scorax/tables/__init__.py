"""Tables: the table recipe, once, for scikit-learn users and the command line. Names are loaded on first use."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
