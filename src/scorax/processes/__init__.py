"""How data becomes noise: processes own the clock ``[t0, t1]``, with data at ``t0`` and noise at ``t1``."""

from scorax.processes._abstract import AbstractExactSDE, AbstractProcess, AbstractSDE, Law, sde
from scorax.processes._clean import Clean
from scorax.processes._diffusion import Diagonal, Diffusion, Matrix, Scalar
from scorax.processes._equation import require_equation
from scorax.processes._exploding import EDM, VE
from scorax.processes._gaussian_process import AbstractGaussianProcess, times_of
from scorax.processes._interpolants import Cosine, Rectified
from scorax.processes._kernel import GaussianKernel
from scorax.processes._law import AbstractGaussianLaw, DiagonalLaw, GaussianLaw, IsotropicLaw, LowRankLaw
from scorax.processes._level import Level
from scorax.processes._linear import AbstractLinearSDE
from scorax.processes._linear_sde import LinearSDE, critically_damped_langevin
from scorax.processes._named import BrownianMotion, GeometricBrownianMotion, OrnsteinUhlenbeck
from scorax.processes._normal import LogNormal, Normal
from scorax.processes._preserving import VP, SubVP
from scorax.processes._sde import SDE, diffusion_noise_shape, euler_step, without_drift, without_noise
from scorax.processes._tabulated import Tabulated

__all__ = [
    "EDM",
    "SDE",
    "VE",
    "VP",
    "AbstractExactSDE",
    "AbstractGaussianLaw",
    "AbstractGaussianProcess",
    "AbstractLinearSDE",
    "AbstractProcess",
    "AbstractSDE",
    "BrownianMotion",
    "Clean",
    "Cosine",
    "Diagonal",
    "DiagonalLaw",
    "Diffusion",
    "GaussianKernel",
    "GaussianLaw",
    "GeometricBrownianMotion",
    "IsotropicLaw",
    "Law",
    "Level",
    "LinearSDE",
    "LogNormal",
    "LowRankLaw",
    "Matrix",
    "Normal",
    "OrnsteinUhlenbeck",
    "Rectified",
    "Scalar",
    "SubVP",
    "Tabulated",
    "critically_damped_langevin",
    "diffusion_noise_shape",
    "euler_step",
    "require_equation",
    "sde",
    "times_of",
    "without_drift",
    "without_noise",
]
