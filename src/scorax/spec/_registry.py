"""The names by which saved models speak of classes and functions: a closed table, read before anything is imported."""

from importlib import import_module
from typing import Any

CLASSES: dict[str, str] = {
    "AdamsBashforth": "scorax.samplers",
    "AnnealedLangevin": "scorax.samplers",
    "BrownianMotion": "scorax.processes",
    "Chain": "scorax.transforms",
    "Churn": "scorax.samplers",
    "ClassEmbedder": "scorax.networks",
    "Clean": "scorax.processes",
    "Cosine": "scorax.processes",
    "DDIM": "scorax.samplers",
    "DDPM": "scorax.samplers",
    "DPMSolver": "scorax.samplers",
    "DefaultGrid": "scorax.samplers",
    "Denoiser": "scorax.models",
    "DenoisingScoreMatching": "scorax.objectives",
    "Dequantize": "scorax.transforms",
    "Diagonal": "scorax.processes",
    "DiagonalLaw": "scorax.processes",
    "Dropout": "equinox.nn",
    "EDM": "scorax.processes",
    "EDMWeighting": "scorax.objectives",
    "EnergyDifferenceScoreMatching": "scorax.objectives",
    "EnergyScore": "scorax.models",
    "Ensemble": "scorax.networks",
    "Euler": "scorax.simulation",
    "EulerMaruyama": "scorax.samplers",
    "Exact": "scorax.simulation",
    "ExactDenoiser": "scorax.targets",
    "ExactDivergence": "scorax.likelihood",
    "ExplicitScoreMatching": "scorax.objectives",
    "FiniteDifferenceScoreMatching": "scorax.objectives",
    "FixedTime": "scorax.objectives",
    "Frozen": "scorax._trees",
    "GaussianLaw": "scorax.processes",
    "GaussianMixture": "scorax.targets",
    "GaussianProbe": "scorax.objectives",
    "GeneralizedScoreMatching": "scorax.objectives",
    "GeometricBrownianMotion": "scorax.processes",
    "Guided": "scorax.models",
    "GuidedScore": "scorax.models",
    "Heun": "scorax.samplers",
    "Hutchinson": "scorax.likelihood",
    "ImplicitScoreMatching": "scorax.objectives",
    "IsotropicLaw": "scorax.processes",
    "Karras": "scorax.models",
    "KarrasGrid": "scorax.samplers",
    "Langevin": "scorax.samplers",
    "LayerNorm": "equinox.nn",
    "LikelihoodTimes": "scorax.objectives",
    "LikelihoodWeighting": "scorax.objectives",
    "Linear": "scorax.networks._linear",
    "LinearSDE": "scorax.processes",
    "LogNormal": "scorax.processes",
    "LogNormalGrid": "scorax.samplers",
    "LogNormalTimes": "scorax.objectives",
    "LogRatioGrid": "scorax.samplers",
    "LowRankLaw": "scorax.processes",
    "MLP": "scorax.networks",
    "Matrix": "scorax.processes",
    "MetropolisLangevin": "scorax.samplers",
    "Milstein": "scorax.simulation",
    "MinSNRWeighting": "scorax.objectives",
    "MixtureSkip": "scorax.networks",
    "NodeGrid": "scorax.samplers",
    "NodeTimes": "scorax.objectives",
    "Normal": "scorax.processes",
    "OrnsteinUhlenbeck": "scorax.processes",
    "PosteriorDraw": "scorax.samplers",
    "PredictData": "scorax.models",
    "PredictNoise": "scorax.models",
    "PredictScore": "scorax.models",
    "PredictV": "scorax.models",
    "PredictVelocity": "scorax.models",
    "PredictorCorrector": "scorax.samplers",
    "ProbabilityFlow": "scorax.samplers",
    "Pullback": "scorax.models",
    "QuadraticGrid": "scorax.samplers",
    "RademacherProbe": "scorax.objectives",
    "Rectified": "scorax.processes",
    "ResBlock": "scorax.networks",
    "ResMLP": "scorax.networks",
    "ReverseSDE": "scorax.samplers",
    "SDE": "scorax.processes",
    "Scalar": "scorax.processes",
    "ScoreFunction": "scorax.models",
    "ScoreNetwork": "scorax.models",
    "SlicedScoreMatching": "scorax.objectives",
    "SphereProbe": "scorax.objectives",
    "Standardize": "scorax.transforms",
    "Stop": "scorax.samplers",
    "SubVP": "scorax.processes",
    "Tabulated": "scorax.processes",
    "TweedieDenoiser": "scorax.models",
    "TweedieMean": "scorax.samplers",
    "UniformGrid": "scorax.samplers",
    "UniformTimes": "scorax.objectives",
    "UniformWeighting": "scorax.objectives",
    "VE": "scorax.processes",
    "VP": "scorax.processes",
    "VarianceWeighting": "scorax.objectives",
    "VectorEmbedder": "scorax.networks",
    "VelocityWeighting": "scorax.objectives",
}
"""Name of a class -> module that it is loaded from, once a saved model speaks of it."""

FUNCTIONS: dict[str, str] = {
    "celu": "jax.nn",
    "elu": "jax.nn",
    "gelu": "jax.nn",
    "leaky_relu": "jax.nn",
    "mish": "jax.nn",
    "relu": "jax.nn",
    "selu": "jax.nn",
    "sigmoid": "jax.nn",
    "silu": "jax.nn",
    "softplus": "jax.nn",
    "cos": "jax.numpy",
    "exp": "jax.numpy",
    "sin": "jax.numpy",
    "tanh": "jax.numpy",
}
"""Name of a function -> module, as for classes: the activations of networks."""


def registered(name: str, table: dict[str, str]) -> Any:
    """What a table means by one of its names."""
    return getattr(import_module(table[name]), name)


def registered_name(value: Any, table: dict[str, str]) -> str | None:
    """The name of a class or function in a table; ``None`` where another of the same name, or none, is meant."""
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) and name in table and registered(name, table) is value else None


def own_name(value: Any) -> str:
    """Module and qualified name of a class or function."""
    return f"{value.__module__}.{value.__qualname__}"
