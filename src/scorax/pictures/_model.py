"""What a model of pictures is built in, and the way from bytes to states and back."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from scorax._types import Key
from scorax.models import Denoiser, Karras
from scorax.networks import AbstractNetwork
from scorax.pictures._config import ResolvedPictureConfig
from scorax.pictures._schema import PictureSchema
from scorax.pictures._settings import network_of
from scorax.processes import EDM, AbstractGaussianLaw
from scorax.training import Rows
from scorax.transforms import Chain, Dequantize, RandomFlip


@dataclass(frozen=True)
class PictureBlueprint:
    """Everything of a model of pictures but what its network learns.

    A state is a picture with its bytes at unit scale, ``(byte - shift) / scale``, each spread over its cell.

    Attributes:
        config: configuration with nothing left to choose.
        schema: what the pictures are.
        shift, scale: mean and deviation of all bytes of the training pictures.
        moments: of their states.
    """

    config: ResolvedPictureConfig
    schema: PictureSchema
    shift: float
    scale: float
    moments: AbstractGaussianLaw

    @staticmethod
    def of(
        images: UInt8[np.ndarray, "n h w c"], schema: PictureSchema, config: ResolvedPictureConfig
    ) -> "PictureBlueprint":
        """The blueprint for training pictures."""
        shift, scale = float(np.mean(images)), float(np.std(images))
        rows = Rows(_encoded(images, shift, scale), visit=_cells(scale))
        return PictureBlueprint(config, schema, shift, scale, rows.moments())

    @property
    def masked(self) -> bool:
        """Whether the network is told masks."""
        return self.config.training.masks > 0

    @property
    def conditional(self) -> bool:
        """Whether the network is told classes."""
        return bool(self.schema.classes)

    @property
    def visit(self) -> Chain:
        """What is drawn anew at every visit of a training picture."""
        return Chain((self.cells, RandomFlip())) if self.config.training.flip else Chain((self.cells,))

    @property
    def cells(self) -> Dequantize:
        """Noise inside the cells of bytes."""
        return _cells(self.scale)

    def encode(self, images: UInt8[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n h w c"]:
        """States of bytes, at the middle of their cells."""
        return _encoded(images, self.shift, self.scale)

    def decode(self, states: Float[np.ndarray, "n h w c"]) -> UInt8[np.ndarray, "n h w c"]:
        """Bytes of states: the nearest there are."""
        return np.clip(np.rint(np.asarray(states, np.float64) * self.scale + self.shift), 0, 255).astype(np.uint8)

    def untrained(self, *, key: Key) -> Denoiser:
        """The model before its training."""
        return self._model(_network(self, key))

    def blank(self) -> Denoiser:
        """The model for weights that are known: its own are zero."""
        shapes = eqx.filter_eval_shape(_built, self, jax.random.key(0))
        return self._model(jax.tree.map(_zeros, shapes))

    def _model(self, network: AbstractNetwork) -> Denoiser:
        noise = self.config.noise
        return Denoiser(
            network=network,
            process=EDM(t0=noise.sigma_min, t1=noise.sigma_max),
            parametrization=Karras(),
            moments=self.moments,
        )


def _zeros(leaf: Any) -> Any:
    return jnp.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf


def _built(blueprint: PictureBlueprint, key: Key) -> AbstractNetwork:
    network = blueprint.config.network
    return network_of(network, network.width, network.multiples, blueprint.schema, masked=blueprint.masked, key=key)


def _network(blueprint: PictureBlueprint, key: Key) -> AbstractNetwork:
    # One program: run by hand, every draw and every shape would be compiled on its own.
    return eqx.filter_jit(lambda key: _built(blueprint, key))(key)


def _encoded(images: np.ndarray, shift: float, scale: float) -> np.ndarray:
    return ((images.astype(np.float32) - np.float32(shift)) / np.float32(scale)).astype(np.float32)


def _cells(scale: float) -> Dequantize:
    return Dequantize(np.array([1 / scale]))
