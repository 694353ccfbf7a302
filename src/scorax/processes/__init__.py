"""How data becomes noise: processes own the clock ``[t0, t1]``, with data at ``t0`` and noise at ``t1``."""

from scorax.processes._abstract import AbstractGaussianProcess, AbstractProcess, AbstractSDE, Level, Scalar
from scorax.processes._clean import Clean
from scorax.processes._gaussian import EDM, VE, VP
from scorax.processes._law import GaussianLaw

__all__ = [
    "EDM",
    "VE",
    "VP",
    "AbstractGaussianProcess",
    "AbstractProcess",
    "AbstractSDE",
    "Clean",
    "GaussianLaw",
    "Level",
    "Scalar",
]
