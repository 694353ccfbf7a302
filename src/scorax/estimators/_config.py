"""The documented, strictly checked configuration of a fit. Defaults are the table recipe of ``docs/recipe.md``."""

from dataclasses import dataclass, field
from typing import Literal

SamplerName = Literal[
    "auto",
    "adams-bashforth",
    "dpm-solver",
    "dpm-solver-sde",
    "heun",
    "ddim",
    "ddpm",
    "euler-maruyama",
    "predictor-corrector",
    "annealed-langevin",
    "probability-flow",
    "reverse-sde",
]
"""Name of a sampler; ``auto`` is the one that measures best."""

Start = Literal["normal", "gaussian", "mixture"]
"""A law whose exact field an untrained member is; see :class:`EnsembleConfig`."""


@dataclass(frozen=True)
class NetworkConfig:
    """Residual perceptron of the score model. Zero means: chosen from the size of the table.

    Attributes:
        width: units of the residual stream.
        depth: residual blocks.
        dropout: rate of dropout during training; negative means chosen.
        num_frequencies: frequencies of the noise-level features.
        waves: frequencies 1, 2, 4, ... of the sine waves of every column that the network sees beside it; 0 for none,
            negative means chosen.
    """

    width: int = 0
    depth: int = 0
    dropout: float = -1.0
    num_frequencies: int = 8
    waves: int = -1

    def __post_init__(self) -> None:
        _require(self.width >= 0, "width", "at least 1, or 0 to choose", self.width)
        _require(self.depth >= 0, "depth", "at least 1, or 0 to choose", self.depth)
        _require(self.dropout < 1, "dropout", "below 1, or negative to choose", self.dropout)
        _require(self.num_frequencies >= 1, "num_frequencies", "at least 1", self.num_frequencies)


@dataclass(frozen=True)
class TrainingConfig:
    """Optimisation and early stopping. Zero means: chosen from the size of the table.

    Attributes:
        max_steps: optimiser steps at most; also the length of the cosine schedule.
        batch_size: rows a step and member.
        learning_rate: peak learning rate of AdamW.
        weight_decay: decoupled weight decay.
        clip_norm: bound on the gradient norm, per member.
        ema_decay: decay of the average of the weights.
        times: law of the training times: likelihood (log sin angle uniform), lognormal (EDM's), or uniform.
        weighting: likelihood (nats) or edm.
        validate_every: steps between validations.
        patience: validations without improvement after which a member stops; 0 chooses.
        save_every: steps between checkpoints of a run folder.
    """

    max_steps: int = 0
    batch_size: int = 0
    learning_rate: float = 0.0
    weight_decay: float = 1e-3
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    times: Literal["likelihood", "lognormal", "uniform"] = "likelihood"
    weighting: Literal["likelihood", "edm"] = "likelihood"
    validate_every: int = 100
    patience: int = 0
    save_every: int = 500

    def __post_init__(self) -> None:
        for name in ("max_steps", "batch_size", "patience"):
            _require(getattr(self, name) >= 0, name, "at least 1, or 0 to choose", getattr(self, name))
        for name in ("validate_every", "save_every"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        _require(self.learning_rate >= 0, "learning_rate", "positive, or 0 to choose", self.learning_rate)
        _require(self.weight_decay >= 0, "weight_decay", "at least 0", self.weight_decay)
        _require(self.clip_norm > 0, "clip_norm", "positive", self.clip_norm)
        _require(0 <= self.ema_decay < 1, "ema_decay", "in [0, 1)", self.ema_decay)


@dataclass(frozen=True)
class EnsembleConfig:
    """Cross-validation members, what they start from, and the share of rows held out where there is one fold.

    Attributes:
        folds: members, each trained without one fold of the rows; 1 trains one member; 0 chooses by table size.
        holdout: share of rows held out for stopping and for the choices after training where there is one fold.
        starts: laws whose exact field an untrained member is: normal (N(0, I)), gaussian (moments of its rows), mixture (a
            cross-validated Gaussian mixture of its rows). With several, members are trained from each and the start under
            which held-out rows are likeliest is kept. Empty chooses by table size.
        components: components of a starting mixture, at most; 0 chooses by table size.
    """

    folds: int = 0
    holdout: float = 0.1
    starts: tuple[Start, ...] = ()
    components: int = 0

    def __post_init__(self) -> None:
        _require(self.folds >= 0, "folds", "at least 1, or 0 to choose", self.folds)
        _require(0 < self.holdout < 1, "holdout", "in (0, 1)", self.holdout)
        _require(len(set(self.starts)) == len(self.starts), "starts", "every start once", self.starts)
        _require(self.components >= 0, "components", "at least 1, or 0 to choose", self.components)


@dataclass(frozen=True)
class NoiseConfig:
    """Noise levels in standardised units (EDM clock).

    Attributes:
        sigma_min: smallest noise the model is trained at.
        sigma_max: largest noise.
        candidates: cut-offs among which the one of the fitted density is chosen on held-out rows; those below
            ``sigma_min`` are not used. One value fixes it.
        choose_rows: held-out rows the choice is made on, at most.
    """

    sigma_min: float = 1e-3
    sigma_max: float = 80.0
    candidates: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4)
    choose_rows: int = 500

    def __post_init__(self) -> None:
        _require(0 < self.sigma_min < self.sigma_max, "sigma_min", "positive and below sigma_max", self.sigma_min)
        _require(
            any(self.sigma_min <= c < self.sigma_max for c in self.candidates),
            "candidates",
            "at least one value in [sigma_min, sigma_max)",
            self.candidates,
        )
        _require(self.choose_rows >= 1, "choose_rows", "at least 1", self.choose_rows)


@dataclass(frozen=True)
class SamplingConfig:
    """The sampler and the likelihood's tolerance.

    Attributes:
        sampler: name of a sampler, or ``auto``: measured on a law like the data's (see ``scorax sample --sampler``).
        evaluations: evaluations of the network a draw; adaptive samplers take what their tolerance asks.
        tolerance: relative and absolute tolerance of the likelihood's solver.
    """

    sampler: SamplerName = "adams-bashforth"
    evaluations: int = 64
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        _require(self.evaluations >= 1, "evaluations", "at least 1", self.evaluations)
        _require(0 < self.tolerance < 1, "tolerance", "in (0, 1)", self.tolerance)


@dataclass(frozen=True)
class FitConfig:
    """Everything that decides a fit beside the data and the seed.

    Attributes:
        network: the score network.
        training: optimisation and stopping.
        ensemble: cross-validation members.
        noise: noise levels and the choice of the cut-off.
        sampling: default sampler and likelihood tolerance.
    """

    network: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    ensemble: EnsembleConfig = field(default_factory=EnsembleConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise ValueError(f"{name}: expected {expected}, got {got}")
