"""The documented, strictly checked configuration of a fit of pictures."""

# ruff: noqa: RUF009  the default that `_required` makes is none
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from scorax.spec import Checked, Range

Width = Annotated[int, Range(4, 2**12)]
Multiple = Annotated[int, Range(1, 64)]
Steps = Annotated[int, Range(1, 10**8)]
BatchSize = Annotated[int, Range(1, 2**16)]
Average = Annotated[float, Range(0, 1, below=True)]

_FEWEST, _MOST, _BUSY = 16, 64, 2**14
"""Pictures of a step, and positions that keep a processor busy: with those of 16 pictures of 28 x 28 a picture costs what it does
among 64, and four times the steps bring more (``benchmarks/pictures.py``). Smaller pictures come by more of them."""

_LEAST_BATCH, _BATCH_POSITIONS = 4, 2**18
"""Of large pictures, and the positions that they may have together: the activations of one fit into a few GiB."""

_FEW = 400
"""Steps below which hardly anything is learned."""

MASKS = 0.5
"""``training.masks`` where pictures shall be filled and nothing else is said."""


@dataclass(frozen=True)
class PictureNetwork(Checked):
    """The :class:`~scorax.networks.UNet` of a fit of pictures. A value that is left out is chosen.

    Attributes:
        width: channels of the finest grid; chosen by the operations that the minutes allow.
        multiples: channels of every grid in units of ``width``, each grid half as fine as the one before; chosen by size.
        depth: blocks of a grid, on either way.
        dropout: rate of dropout during training.
        class_dropout: rate at which the class of a picture is left out in training, which guidance needs.
    """

    width: Width | None = None
    multiples: tuple[Multiple, ...] | None = None
    depth: Annotated[int, Range(1, 16)] = 1
    dropout: Annotated[float, Range(0, 1, below=True)] = 0.0
    class_dropout: Annotated[float, Range(0, 1, below=True)] = 0.1


@dataclass(frozen=True)
class PictureTraining(Checked):
    """Optimisation of a fit of pictures. A value that is left out is chosen.

    Attributes:
        minutes: what the fit may take on two cores. The steps of its training follow from the operations of a step, and the
            clock is not looked at, so runs repeat.
        max_steps: optimiser steps, and the length of the cosine schedule.
        batch_size: pictures a step; chosen by size, from 64 of 16 x 16 to 16 of 28 x 28 up to 128 x 128, and fewer beyond.
        accumulate: parts of a batch whose gradients are taken one after the other, in the memory of one; the update is the same
            to rounding. On CPU that is slow.
        nan: what becomes of a step whose loss or gradient is not finite: stop ends the fit (exit code 4), skip leaves it out,
            counts it in the log, and ends the fit at the sixth in a row.
        learning_rate: peak learning rate of AdamW.
        weight_decay: decoupled weight decay.
        clip_norm: bound on the gradient norm.
        ema_decay: decay of the average of the weights.
        holdout: share of the pictures whose loss is measured and that are not trained on.
        validate_every: steps between measurements of that loss.
        save_every: steps between checkpoints.
        sheets: sheets of draws that are kept along the training.
        snapshots: how often two averages of the weights are kept along the training, at most once a validation; draws can be
            made by an average of any length from them, the better the more there are. 0 keeps none.
        masks: share of the visits in which boxes or pixels of a picture are told and the others asked for. 0 asks for whole
            pictures only.
        flip: whether left and right are exchanged at every other visit.
    """

    minutes: Annotated[float, Range(0, 1e5, above=True)] = 10.0
    max_steps: Steps | None = None
    batch_size: BatchSize | None = None
    accumulate: BatchSize = 1
    nan: Literal["stop", "skip"] = "stop"
    learning_rate: Annotated[float, Range(0, 1e4, above=True)] = 2e-3
    weight_decay: Annotated[float, Range(0, 1e4)] = 1e-3
    clip_norm: Annotated[float, Range(0, 1e6, above=True)] = 1.0
    ema_decay: Average | None = None
    holdout: Annotated[float, Range(0, 1, above=True, below=True)] = 0.1
    validate_every: Steps | None = None
    save_every: Steps | None = None
    sheets: Annotated[int, Range(0, 100)] = 6
    snapshots: Annotated[int, Range(0, 1000)] = 0
    masks: Annotated[float, Range(0, 1)] = 0.0
    flip: bool = False

    def batch_of(self, height: int, width: int) -> int:
        """Pictures of this size a step: as many as are asked for, or as keep a processor busy and fit into memory."""
        positions = height * width
        busy = 2 ** max(0, (_BUSY // positions).bit_length() - 1)
        return self.batch_size or max(_LEAST_BATCH, min(_MOST, max(_FEWEST, busy), _BATCH_POSITIONS // positions))


@dataclass(frozen=True)
class PictureNoise(Checked):
    """Noise levels in units of the deviation of all pixels (EDM clock), and the law of those that are trained.

    Attributes:
        sigma_min: smallest noise: the cut-off of draws and densities.
        sigma_max: largest noise.
        mean: centre of the logarithm of the trained levels; -0.5 is that of EDM in these units.
        sd: its standard deviation.
    """

    sigma_min: Annotated[float, Range(1e-6, 1)] = 0.005
    sigma_max: Annotated[float, Range(2, 1e6)] = 80.0
    mean: Annotated[float, Range(-10, 10)] = -0.5
    sd: Annotated[float, Range(0.01, 10)] = 1.2


@dataclass(frozen=True)
class PictureSampling(Checked):
    """How pictures are drawn.

    Attributes:
        evaluations: evaluations of the network a draw.
    """

    evaluations: Annotated[int, Range(1, 10**5)] = 32


@dataclass(frozen=True)
class PictureConfig(Checked):
    """Everything that decides a fit of pictures beside the pictures and the seed.

    Attributes:
        network: the score network.
        training: optimisation.
        noise: noise levels.
        sampling: how pictures are drawn.
    """

    network: PictureNetwork = field(default_factory=PictureNetwork)
    training: PictureTraining = field(default_factory=PictureTraining)
    noise: PictureNoise = field(default_factory=PictureNoise)
    sampling: PictureSampling = field(default_factory=PictureSampling)


def _required() -> Any:
    """A field without default in a class whose parent gives it one."""
    return field(kw_only=True)


@dataclass(frozen=True)
class ResolvedPictureNetwork(PictureNetwork):
    """A network of which nothing is left to choose."""

    width: Width = _required()
    multiples: tuple[Multiple, ...] = _required()


@dataclass(frozen=True)
class ResolvedPictureTraining(PictureTraining):
    """A training of which nothing is left to choose."""

    max_steps: Steps = _required()
    batch_size: BatchSize = _required()
    ema_decay: Average = _required()
    validate_every: Steps = _required()
    save_every: Steps = _required()


@dataclass(frozen=True)
class ResolvedPictureConfig(PictureConfig):
    """A configuration of which nothing is left to choose."""

    network: ResolvedPictureNetwork = _required()
    training: ResolvedPictureTraining = _required()

    @property
    def summary(self) -> str:
        """What will be trained, and in what time."""
        network, training = self.network, self.training
        channels = ", ".join(str(network.width * multiple) for multiple in network.multiples)
        return (
            f"{training.max_steps:,} steps of {training.batch_size} pictures, a U-Net of {channels} channels; planned for "
            f"at most {training.minutes:g} min on two cores, report and all (--minutes)"
            + (
                "; few steps: raise --minutes or --max-steps, or take a smaller --size"
                if training.max_steps < _FEW
                else ""
            )
        )
