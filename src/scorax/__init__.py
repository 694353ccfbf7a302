"""Score matching and score-based generative models on JAX.

A score model is the function ``score(t, x, condition)``; everything else makes such a function, trains it, or consumes it.
Names are loaded when they are first used, so ``import scorax`` is quick and starts no JAX backend.
"""

import lazy_loader as _lazy

from scorax._moved import former_names as _former_names

_public, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)


def _others(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("scorax")
    if name in ("studies", "estimators"):  # former rooms; importing one sets the attribute
        from importlib import import_module

        return import_module(f"scorax.{name}")
    return _public(name)


__getattr__ = _former_names(__name__, _others)
