"""Networks: ``network(c_noise, x, condition, key=key)``; they know no process and no loss."""

from scorax.networks._abstract import AbstractNetwork, fourier_features
from scorax.networks._ensemble import Ensemble
from scorax.networks._mlp import MLP, ResBlock, ResMLP

__all__ = ["MLP", "AbstractNetwork", "Ensemble", "ResBlock", "ResMLP", "fourier_features"]
