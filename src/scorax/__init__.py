"""Score matching and score-based generative models on JAX.

A score model is the function ``score(t, x, condition)``; everything else makes such a function, trains it, or consumes it.
Names are loaded when they are first used, so ``import scorax`` is quick and starts no JAX backend.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
