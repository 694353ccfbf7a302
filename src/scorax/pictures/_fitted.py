"""Fitted pictures: draws, log-probabilities, and pictures completed."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from scorax.checkpoint import RunFolder
from scorax.likelihood import Hutchinson, smoothed_log_prob
from scorax.models import Denoiser, Evidence, Guided
from scorax.networks import ABSENT
from scorax.pictures._files import load_model
from scorax.pictures._model import PictureBlueprint
from scorax.pictures._saved import open_pictures
from scorax.samplers import AdamsBashforth, Terminal, sample
from scorax.transforms import encode_rows

_CLASSES = 0x636C6173
"""Sets the draw of classes apart from other randomness of a seed."""

_SOLVE = 1e-3
"""Bits per number of a picture that the solve of a log-density may be off by."""


class Bits(NamedTuple):
    """Bits per number that a coder built on the model would spend, an upper bound in the mean; one entry a picture.

    Attributes:
        value: $-\\log_2 P / d$ by one draw of the noise inside the cells of the bytes, or the mean of several.
        error: standard error over probes, and the bounds of the solve and of the end of the flow.
        converged: whether the solve ended within its limits.
    """

    value: Float[np.ndarray, " n"]
    error: Float[np.ndarray, " n"]
    converged: Bool[np.ndarray, " n"]


def bits_per_number(
    blueprint: PictureBlueprint,
    model: Denoiser,
    images: UInt8[np.ndarray, "n h w c"],
    labels: Int[np.ndarray, " n"] | None = None,
    *,
    seed: int = 0,
    probes: int = 4,
    draws: int = 1,
) -> Bits:
    r"""Bits per number of pictures of bytes, $-\log_2 P(x) / d$, bounded from above by dequantisation.

    With $p$ the density of states, $z$ the state of $x + u$ and $u \sim U(-\tfrac12, \tfrac12)^d$,
    $\log P(x) \ge E_u \log p(z) - d \log scale$. Uniform noise has 8 bits. The noise and the probes of a picture follow from the
    seed and its content.

    Args:
        blueprint: what the model is built in.
        model: any denoiser of its states.
        images: pictures of its size.
        labels: the class of each, or -1; for a model that is told none.
        seed: of noise and probes.
        probes: directions along which the divergence is estimated, two or more.
        draws: of the noise inside the cells.

    Reference: Theis, van den Oord and Bethge (2016), *A note on the evaluation of generative models*, section 3.1.
    """
    size = blueprint.schema.size
    noise_key, probe_key = jax.random.split(jax.random.key(seed))
    told = None if labels is None else np.asarray(labels, np.int32)
    unit = size * math.log(2)
    values, errors, converged = [], [], []
    for draw in range(draws):
        centres = blueprint.encode(images).astype(np.float64)
        z, _ = encode_rows(blueprint.cells, centres, key=jax.random.fold_in(noise_key, draw))
        answer = smoothed_log_prob(
            model,
            z.astype(np.float32),
            condition=told,
            divergence=Hutchinson(probes),
            tolerance=_SOLVE * unit,
            key=probe_key,
        )
        values.append(-(np.asarray(answer.value, np.float64) - size * math.log(blueprint.scale)) / unit)
        errors.append(np.asarray(answer.total_error, np.float64) / unit)
        converged.append(np.asarray(answer.converged))
    # Probes differ between draws, their errors are independent; the bounds beside them are not, and are small.
    error = np.sqrt(np.mean(np.square(errors), axis=0) / draws)
    return Bits(np.mean(values, axis=0), error, np.all(converged, axis=0))


@dataclass(frozen=True)
class FittedPictures:
    """A model of pictures with the way from bytes to its states and back.

    Attributes:
        blueprint: what the model is built in.
        model: the denoiser.
    """

    blueprint: PictureBlueprint
    model: Denoiser

    @staticmethod
    def load(run: str | Path, average: float | None = None) -> "FittedPictures":
        """That of a finished run.

        Args:
            run: its folder.
            average: relative length of the average of the weights, from the snapshots that were kept along the training
                (:func:`~scorax.training.post_hoc_average`); by default the moving average at the best held-out loss.

        Raises:
            InputError: a file is damaged, the run is not finished or is of a table, or an average is asked for and no snapshots
                were kept.
            ValueError: no relative length in (0, .28).
        """
        with jax.enable_x64(False):
            return FittedPictures(*load_model(open_pictures(RunFolder(run)), average))

    def classes(self, numbers: range, seed: int) -> Int[np.ndarray, " n"] | None:
        """The classes of pictures that nobody asked one of, as often as in the fit: that of a picture follows from its number."""
        if not self.blueprint.conditional:
            return None
        shares = np.cumsum(self.blueprint.schema.counts) / sum(self.blueprint.schema.counts)
        bits = np.random.PCG64([seed, _CLASSES])
        bits.advance(numbers.start)  # a picture takes one word of them
        uniform = np.random.Generator(bits).random(len(numbers))
        return np.searchsorted(shares, uniform, side="right")

    def draw(
        self,
        numbers: range,
        seed: int,
        *,
        labels: Int[np.ndarray, " n"] | None = None,
        guidance: float = 1.0,
        evaluations: int | None = None,
    ) -> UInt8[np.ndarray, "n h w c"]:
        """Pictures with these numbers, of the endless row of them that a seed stands for.

        Args:
            numbers: which.
            seed: every picture follows from the seed, its number, its class and the guidance.
            labels: the class of each, -1 for none; of a model that knows classes.
            guidance: w of :class:`~scorax.models.Guided`, towards ``labels``.
            evaluations: of the network a draw; by default those of the configuration.

        Raises:
            InputError: labels are asked for, or guidance without labels, and the model knows no classes.
        """
        if labels is not None or guidance != 1:
            self.blueprint.schema.require_classes()
        model = self.model if guidance == 1 or labels is None else Guided(self.model, guidance)
        sampler = AdamsBashforth(evaluations or self.blueprint.config.sampling.evaluations)
        told = None
        if self.blueprint.conditional:
            told = np.full(len(numbers), ABSENT, np.int32) if labels is None else np.asarray(labels, np.int32)
        with jax.enable_x64(False):
            states = sample(
                model,
                sampler,
                numbers,
                key=jax.random.key(seed),
                condition=told,
                start=Terminal(self.blueprint.schema.shape),
            )
        return self.blueprint.decode(np.asarray(states))

    def bits(
        self,
        images: UInt8[np.ndarray, "n h w c"],
        labels: Int[np.ndarray, " n"] | None = None,
        *,
        seed: int = 0,
        probes: int = 4,
        draws: int = 1,
    ) -> Bits:
        """Bits per number of pictures: :func:`bits_per_number`; of their class where ``labels`` says it.

        Raises:
            InputError: labels, of a model that knows no classes.
        """
        if labels is not None:
            self.blueprint.schema.require_classes()
        told = labels
        if self.blueprint.conditional and labels is None:
            told = np.full(len(images), ABSENT)
        with jax.enable_x64(False):
            return bits_per_number(self.blueprint, self.model, images, told, seed=seed, probes=probes, draws=draws)

    def fill(
        self,
        image: UInt8[np.ndarray, "h w c"],
        asked: Bool[np.ndarray, "h w"],
        numbers: range,
        seed: int,
        *,
        label: int | None = None,
    ) -> UInt8[np.ndarray, "n h w c"]:
        """Draws of the pixels that are asked for given the others, which stay as they are.

        Args:
            image: the picture.
            asked: which pixels are drawn, one or more.
            numbers: of the draws.
            seed: a draw follows from the seed, its number and the question.
            label: class of the picture; of a model that knows classes.

        Raises:
            InputError: a label, and the model knows no classes.
        """
        if label is not None:
            self.blueprint.schema.require_classes()
        told = np.int32(ABSENT if label is None else label) if self.blueprint.conditional else None
        target = np.broadcast_to(asked[..., None], image.shape)
        evidence = Evidence(self.blueprint.encode(image[None])[0], ~target, target, told)
        with jax.enable_x64(False):
            states = sample(
                self.model,
                AdamsBashforth(self.blueprint.config.sampling.evaluations),
                numbers,
                key=jax.random.key(seed),
                condition=jax.tree.map(lambda leaf: leaf[None], evidence),
                start=Terminal(self.blueprint.schema.shape),
            )
        return np.where(target, self.blueprint.decode(np.asarray(states)), image)
