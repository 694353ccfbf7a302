"""Networks for vectors."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count, require_key, require_kind
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.networks._abstract import (
    AbstractNetwork,
    check_dropout,
    check_state,
    fourier_features,
    noise_averaged_waves,
)
from scorax.networks._embedder import AbstractEmbedder, embedded
from scorax.networks._linear import Linear, drawn, require_inputs

_EMBEDDING_WIDTH = 32
"""Units of the noise-level embedding of a :class:`ResMLP` without an embedder."""


class MLP(AbstractNetwork):
    """Multi-layer perceptron on the state and the Fourier features of the noise level, with SiLU and a zero last layer.

    Args:
        dimension: length of the state vector.
        width: units of each hidden layer.
        depth: number of hidden layers.
        num_frequencies: frequencies of the noise-level features.
        embedder: what reads the condition; its embedding is concatenated to the input.

    Raises:
        TypeError: called with a condition and no embedder.
    """

    layers: tuple[Linear, ...]
    num_frequencies: int = eqx.field(static=True)
    embedder: AbstractEmbedder | None

    def __init__(
        self,
        dimension: int,
        *,
        width: int = 128,
        depth: int = 3,
        num_frequencies: int = 8,
        embedder: AbstractEmbedder | None = None,
        key: Key,
    ) -> None:
        require_kind(embedder, AbstractEmbedder | None, what="embedder")
        dimension, width = require_count(dimension, "dimension"), require_count(width, "width")
        depth, num_frequencies = (
            require_count(depth, "depth", least=0),
            require_count(num_frequencies, "num_frequencies"),
        )
        require_key(key)
        told = 0 if embedder is None else embedder.width
        sizes = [dimension + 2 * num_frequencies + told, *[width] * depth, dimension]
        layers = tuple(Linear(m, n) for m, n in itertools.pairwise(sizes))
        self.layers = (*drawn(layers[:-1], key=key), layers[-1])
        self.num_frequencies = num_frequencies
        self.embedder = embedder

    def __check_init__(self) -> None:
        told = 0 if self.embedder is None else self.embedder.width
        sizes = [layer.bias.shape[-1] for layer in self.layers]
        require_inputs(zip(self.layers, [sizes[-1] + 2 * self.num_frequencies + told, *sizes], strict=False))

    def __call__(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, " d"]:
        check_state(c_noise, x, (self.layers[-1].bias.shape[-1],))
        told = embedded(self.embedder, condition, key=key)
        features = [x, fourier_features(c_noise, self.num_frequencies)]
        h = jnp.concatenate(features if told is None else [*features, told])
        for layer in self.layers[:-1]:
            h = jax.nn.silu(layer(h))
        return self.layers[-1](h)


class ResBlock(eqx.Module):
    """Pre-normalised residual block whose hidden layer is shifted and scaled by the noise-level embedding."""

    norm: eqx.nn.LayerNorm
    inner: Linear
    modulation: Linear
    outer: Linear
    dropout: eqx.nn.Dropout

    def __init__(self, width: int, embedding: int, dropout: float) -> None:
        self.norm = eqx.nn.LayerNorm(width)
        self.inner = Linear(width, width)
        self.modulation = Linear(embedding, 2 * width)
        self.outer = Linear(width, width)
        self.dropout = eqx.nn.Dropout(dropout)

    def __call__(
        self, h: Float[Array, " width"], embedding: Float[Array, " e"], *, key: Key | None
    ) -> Float[Array, " width"]:
        scale, shift = jnp.split(self.modulation(embedding), 2)
        z = jax.nn.silu(self.inner(self.norm(h)) * (1 + scale) + shift)
        z = self.dropout(z, key=key, inference=key is None)
        return h + self.outer(z)


class ResMLP(AbstractNetwork):
    """Residual perceptron with layer norm, noise-level modulation, dropout and a zero last layer: the default for tables.

    Args:
        dimension: length of the state vector.
        width: units of the residual stream.
        depth: number of residual blocks.
        dropout: rate of dropout inside the blocks during training.
        num_frequencies: frequencies of the noise-level features.
        waves: frequencies of :func:`noise_averaged_waves` of the state, which stand beside it at the entry: for sharp edges,
            which a perceptron learns late. They assume a state of unit scale.
        embedder: what reads the condition; its embedding is added to that of the noise level, which is as wide, or
            32 units wide where there is none: a narrow one costs little and says enough.
        outputs: length of the output where it is not that of the state: what a :class:`CodedHead` asks for.

    Raises:
        TypeError: called with a condition and no embedder.
        ValueError: a number below its least, or a rate of dropout outside [0, 1).
    """

    embedding: Linear
    entry: Linear
    blocks: tuple[ResBlock, ...]
    norm: eqx.nn.LayerNorm
    exit: Linear
    num_frequencies: int = eqx.field(static=True)
    waves: int = eqx.field(static=True)
    embedder: AbstractEmbedder | None

    def __init__(
        self,
        dimension: int,
        *,
        width: int = 64,
        depth: int = 2,
        dropout: float = 0.0,
        num_frequencies: int = 8,
        waves: int = 0,
        embedder: AbstractEmbedder | None = None,
        outputs: int | None = None,
        key: Key,
    ) -> None:
        require_kind(embedder, AbstractEmbedder | None, what="embedder")
        dimension, width = require_count(dimension, "dimension"), require_count(width, "width")
        depth, num_frequencies = (
            require_count(depth, "depth", least=0),
            require_count(num_frequencies, "num_frequencies"),
        )
        waves = require_count(waves, "waves", least=0)
        check_dropout(dropout)
        require_key(key)
        embedding_width = _EMBEDDING_WIDTH if embedder is None else embedder.width
        self.embedding, self.entry, self.blocks = drawn(
            (
                Linear(2 * num_frequencies, embedding_width),
                Linear((1 + 2 * waves) * dimension, width),
                tuple(ResBlock(width, embedding_width, dropout) for _ in range(depth)),
            ),
            key=key,
        )
        self.norm = eqx.nn.LayerNorm(width)
        self.exit = Linear(width, dimension if outputs is None else require_count(outputs, "outputs"))
        self.num_frequencies = num_frequencies
        self.waves = waves
        self.embedder = embedder

    def __check_init__(self) -> None:
        width, told = self.entry.bias.shape[-1], self.embedding.bias.shape[-1]
        if self.embedder is not None and self.embedder.width != told:
            raise ValueError(
                explain(
                    expected=f"an embedder of width {told}",
                    got=f"{self.embedder.width}",
                    do="build the network with an embedder of its width",
                )
            )
        inputs = [
            (self.embedding, 2 * self.num_frequencies),
            (self.entry, (1 + 2 * self.waves) * self._dimension),
            (self.exit, width),
        ]
        for block in self.blocks:
            inputs += [(block.inner, width), (block.outer, width), (block.modulation, told)]
        require_inputs(inputs)

    @property
    def _dimension(self) -> int:
        """Length of the state."""
        return self.entry.weight.shape[-2] // (1 + 2 * self.waves)

    def __call__(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, " outputs"]:
        check_state(c_noise, x, (self._dimension,))
        embedding = jax.nn.silu(self.embedding(fourier_features(c_noise, self.num_frequencies)))
        own = None
        if self.embedder is not None and key is not None:
            key, own = jax.random.split(key)
        told = embedded(self.embedder, condition, key=own)
        embedding = embedding if told is None else embedding + told
        h = self.entry(jnp.concatenate([x, noise_averaged_waves(c_noise, x, self.waves)]) if self.waves else x)
        keys = [None] * len(self.blocks) if key is None else list(jax.random.split(key, len(self.blocks)))
        for block, block_key in zip(self.blocks, keys, strict=True):
            h = block(h, embedding, key=block_key)
        return self.exit(jax.nn.silu(self.norm(h)))
