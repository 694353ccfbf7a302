"""The documented, strictly checked configuration of a fit. Defaults are the table recipe of ``docs/recipe.md``."""

# ruff: noqa: RUF009  the default that `_required` makes is none
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from scorax._errors import InputError, explain
from scorax._text import quote, suggest
from scorax.spec import Checked, Range

SamplerName = Literal[
    "auto",
    "adams-bashforth",
    "dpm-solver",
    "dpm-solver-sde",
    "unipc",
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

Start = Literal["normal", "gaussian", "mixture", "joint"]
"""A law whose exact field an untrained member is; see :class:`EnsembleConfig`."""


Width = Annotated[int, Range(1, 2**16)]
Depth = Annotated[int, Range(1, 256)]
Dropout = Annotated[float, Range(0, 1, below=True)]
Waves = Annotated[int, Range(0, 16)]
Steps = Annotated[int, Range(1, 10**8)]
BatchSize = Annotated[int, Range(1, 2**20)]
LearningRate = Annotated[float, Range(0, 1e4, above=True)]
Rounds = Annotated[int, Range(1, 100)]
Average = Annotated[float, Range(0, 1, below=True)]
Times = Literal["likelihood", "lognormal", "uniform"]
Weighting = Literal["likelihood", "edm"]
Share = Annotated[float, Range(0, 1)]
Folds = Annotated[int, Range(1, 1000)]
Components = Annotated[int, Range(1, 1000)]
Minutes = Annotated[float, Range(0, 1e5, above=True)]
Noise = Annotated[float, Range(1e-6, 1e6)]
Evaluations = Annotated[int, Range(1, 10**5)]
Tolerance = Annotated[float, Range(1e-14, 0.5)]
_CANDIDATES = 100

MASKS = 0.5
"""``training.masks`` where any question shall be answered and nothing else is said."""


@dataclass(frozen=True)
class NetworkConfig(Checked):
    """Residual perceptron of the score model. A value that is left out is chosen from the size of the table.

    Attributes:
        width: units of the residual stream.
        depth: residual blocks.
        dropout: rate of dropout during training.
        num_frequencies: frequencies of the noise-level features.
        waves: frequencies 1, 2, 4, ... of the sine waves of every column that the network sees beside it; 0 for none.
        masks: whether it sees which cells are missing; chosen by whether some are, and by ``training.masks`` and
            ``training.given``.
        waved_masks: whether it sees waves of the masks too: no, unless it is told to, or a run is older than this key.
    """

    width: Width | None = None
    depth: Depth | None = None
    dropout: Dropout | None = None
    num_frequencies: Annotated[int, Range(1, 1024)] = 8
    waves: Waves | None = None
    masks: bool | None = None
    waved_masks: bool | None = None


@dataclass(frozen=True)
class TrainingConfig(Checked):
    """Optimisation and early stopping. A value that is left out is chosen from the size of the table.

    Attributes:
        minutes: what a fit may take on two cores. The steps of its training follow from the operations of a step, and the
            clock is not looked at, so runs repeat.
        max_steps: optimiser steps at most; also the length of the cosine schedule. Chosen by rows and minutes.
        batch_size: rows a step and member.
        accumulate: parts of a batch whose gradients are taken one after the other, in the memory of one; the update is the same
            to rounding.
        nan: what becomes of a step whose loss or gradient is not finite: stop ends the fit (exit code 4), skip leaves it out,
            counts it in the log, and ends the fit at the sixth in a row.
        learning_rate: peak learning rate of AdamW.
        weight_decay: decoupled weight decay.
        clip_norm: bound on the gradient norm, per member.
        ema_decay: decay of the average of the weights.
        times: law of the training times: likelihood (log sin angle uniform), lognormal (EDM's), or uniform.
        weighting: likelihood (nats) or edm.
        validate_every: steps between validations.
        patience: validations without improvement after which a member stops.
        save_every: steps between checkpoints of a run folder.
        filling_rounds: rounds of a fit with missing cells, which share the steps evenly: after each but the last they are filled
            by draws of the model given the other cells of the row. 1 fills none.
        masks: share of the visits that ask for columns at random given others at random: then any question about a row is
            answered. 0 asks for whole rows only.
        given: names of columns that are known at every visit but those of ``masks``: the model is of the other columns given
            these, and stops by that law. ``ScoreConditional`` and ``ScorePosterior`` set it; a run of whole rows has none.
        far: share of the questions of ``masks`` and ``given`` that are asked at high noise, in the uppermost twentieth of the
            training times, where nothing is known of a row but what is told. ``ScorePosterior`` chooses .1, others .5.
    """

    minutes: Minutes = 10.0
    max_steps: Steps | None = None
    batch_size: BatchSize | None = None
    accumulate: BatchSize = 1
    nan: Literal["stop", "skip"] = "stop"
    learning_rate: LearningRate | None = None
    weight_decay: Annotated[float, Range(0, 1e4)] = 1e-3
    clip_norm: Annotated[float, Range(0, 1e6, above=True)] = 1.0
    ema_decay: Average | None = None
    times: Times | None = None
    weighting: Weighting | None = None
    validate_every: Steps = 100
    patience: Steps | None = None
    save_every: Steps = 500
    filling_rounds: Rounds | None = None
    masks: Share = 0.0
    given: tuple[str, ...] = ()
    far: Share | None = None


@dataclass(frozen=True)
class EnsembleConfig(Checked):
    """Cross-validation members, what they start from, and the share of rows held out where there is one fold.

    A value that is left out is chosen from the size of the table.

    Attributes:
        folds: members, each trained without one fold of the rows; 1 trains one member.
        holdout: share of rows held out for stopping and for the choices after training where there is one fold.
        starts: laws whose exact field an untrained member is: normal (N(0, I)), gaussian (moments of its rows, or the likeliest
            of rows with holes), mixture (a cross-validated Gaussian mixture of its rows), joint (for a model that is told parts
            of rows: gaussian, of numbers and codes of categories together, so that known categories tell the numbers; by
            itself). With several, members are trained from each and the start under which held-out rows are likeliest is kept.
        components: components of a starting mixture, at most.
        bootstrap: whether each member trains on its rows by weights of the Bayesian bootstrap: members then differ as draws from
            a posterior do, and several completed tables give intervals that hold. 20 members where ``folds`` is left out.
    """

    folds: Folds | None = None
    holdout: Annotated[float, Range(0, 1, above=True, below=True)] = 0.1
    starts: tuple[Start, ...] | None = None
    components: Components | None = None
    bootstrap: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(not self.bootstrap or self.folds != 1, "folds", "2 or more beside bootstrap", self.folds)
        if self.starts is not None:  # chosen later
            once = 0 < len(self.starts) == len(set(self.starts))
            _require(once, "starts", "at least one, and each once", self.starts)
            _require("joint" not in self.starts or len(self.starts) == 1, "starts", "joint by itself", self.starts)


@dataclass(frozen=True)
class NoiseConfig(Checked):
    """Noise levels in standardised units (EDM clock).

    Attributes:
        sigma_min: smallest noise the model is trained at.
        sigma_max: largest noise.
        candidates: cut-offs among which the one of the fitted density is chosen on held-out rows; those below
            ``sigma_min`` are not used. One value fixes it.
        choose_rows: held-out rows the choice is made on, at most.
    """

    sigma_min: Noise = 1e-3
    sigma_max: Noise = 80.0
    candidates: tuple[Noise, ...] = (0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4)
    choose_rows: Annotated[int, Range(1, 10**6)] = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.sigma_min < self.sigma_max, "sigma_min", f"below sigma_max ({self.sigma_max:g})", self.sigma_min)
        _require(len(self.candidates) <= _CANDIDATES, "candidates", f"at most {_CANDIDATES}", len(self.candidates))
        used = any(self.sigma_min <= c < self.sigma_max for c in self.candidates)
        _require(used, "candidates", "at least one value in [sigma_min, sigma_max)", self.candidates)


@dataclass(frozen=True)
class SamplingConfig(Checked):
    """The sampler and the likelihood's tolerance.

    Attributes:
        sampler: name of a sampler, or ``auto``: measured on a law like the data's (see ``scorax sample --sampler``).
        evaluations: evaluations of the network a draw; adaptive samplers take what their tolerance asks.
        tolerance: wanted error of a log-density's solve, in nats; by precision, 1e-6 in float64 and 1e-4 in float32.
    """

    sampler: SamplerName = "adams-bashforth"
    evaluations: Evaluations = 64
    tolerance: Tolerance | None = None


@dataclass(frozen=True)
class FitConfig(Checked):
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


def _required() -> Any:
    """A field without default in a class whose parent gives it one."""
    return field(kw_only=True)


@dataclass(frozen=True)
class ResolvedNetwork(NetworkConfig):
    """A network of which nothing is left to choose."""

    width: Width = _required()
    depth: Depth = _required()
    dropout: Dropout = _required()
    waves: Waves = _required()
    masks: bool = False
    waved_masks: bool = True


@dataclass(frozen=True)
class ResolvedTraining(TrainingConfig):
    """A training of which nothing is left to choose."""

    max_steps: Steps = _required()
    ema_decay: Average = _required()
    times: Times = _required()
    weighting: Weighting = _required()
    batch_size: BatchSize = _required()
    learning_rate: LearningRate = _required()
    patience: Steps = _required()
    filling_rounds: Rounds = 1
    far: Share = 0.5


@dataclass(frozen=True)
class ResolvedEnsemble(EnsembleConfig):
    """An ensemble of which nothing is left to choose."""

    folds: Folds = _required()
    starts: tuple[Start, ...] = _required()
    components: Components = _required()


@dataclass(frozen=True)
class ResolvedConfig(FitConfig):
    """A configuration of which nothing is left to choose: that of a run and of a fitted table."""

    network: ResolvedNetwork = _required()
    training: ResolvedTraining = _required()
    ensemble: ResolvedEnsemble = _required()

    @property
    def summary(self) -> str:
        """What will be trained, and in what time."""
        members, network = len(self.ensemble.starts) * self.ensemble.folds, self.network
        networks = f"{members} networks" if members > 1 else "one network"
        return (
            f"at most {self.training.max_steps} steps of {networks} of width {network.width} and depth {network.depth}; planned "
            f"for at most {self.training.minutes:g} min on two cores, report and all (--minutes)"
        )


def checked_name(name: str) -> SamplerName:
    """The name, if it is that of a sampler.

    Raises:
        InputError: it is not.
    """
    names: tuple[SamplerName, ...] = get_args(SamplerName)
    for known in names:
        if known == name:
            return known
    raise InputError(
        explain(
            expected="the name of a sampler",
            got=f"{quote(name)}{suggest(name, names)}",
            do=f"choose among {', '.join(names)}",
        )
    )


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise InputError(f"{name}: expected {expected}, got {got}")
