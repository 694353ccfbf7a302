"""Laws whose noisy densities, scores, denoisers and divergences are known in closed form."""

from scorax.targets._mixture import ExactDenoiser, GaussianMixture, gaussian

__all__ = ["ExactDenoiser", "GaussianMixture", "gaussian"]
