"""Networks for vectors."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.networks._abstract import AbstractNetwork, fourier_features
from scorax.networks._linear import Linear


class MLP(AbstractNetwork):
    """Multi-layer perceptron on the state and the Fourier features of the noise level, with SiLU and a zero last layer.

    Args:
        dimension: length of the state vector.
        width: units of each hidden layer.
        depth: number of hidden layers.
        num_frequencies: frequencies of the noise-level features.
    """

    layers: tuple[Linear, ...]
    num_frequencies: int = eqx.field(static=True)

    def __init__(self, dimension: int, *, width: int = 128, depth: int = 3, num_frequencies: int = 8, key: Key) -> None:
        sizes = [dimension + 2 * num_frequencies, *[width] * depth, dimension]
        keys = jax.random.split(key, depth + 1)
        zero = [False] * depth + [True]
        self.layers = tuple(
            Linear(m, n, zero=z, key=k) for m, n, z, k in zip(sizes[:-1], sizes[1:], zero, keys, strict=True)
        )
        self.num_frequencies = num_frequencies

    def __call__(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, " d"]:
        h = jnp.concatenate([x, fourier_features(c_noise, self.num_frequencies)])
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

    def __init__(self, width: int, embedding: int, dropout: float, *, key: Key) -> None:
        k1, k2, k3 = jax.random.split(key, 3)
        self.norm = eqx.nn.LayerNorm(width)
        self.inner = Linear(width, width, key=k1)
        self.modulation = Linear(embedding, 2 * width, key=k2)
        self.outer = Linear(width, width, key=k3)
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
        embedding_width: units of the noise-level embedding; a narrow one costs little and says enough.
    """

    embedding: Linear
    entry: Linear
    blocks: tuple[ResBlock, ...]
    norm: eqx.nn.LayerNorm
    exit: Linear
    num_frequencies: int = eqx.field(static=True)

    def __init__(
        self,
        dimension: int,
        *,
        width: int = 64,
        depth: int = 2,
        dropout: float = 0.0,
        num_frequencies: int = 8,
        embedding_width: int = 32,
        key: Key,
    ) -> None:
        keys = jax.random.split(key, depth + 3)
        self.embedding = Linear(2 * num_frequencies, embedding_width, key=keys[0])
        self.entry = Linear(dimension, width, key=keys[1])
        self.blocks = tuple(ResBlock(width, embedding_width, dropout, key=k) for k in keys[3:])
        self.norm = eqx.nn.LayerNorm(width)
        self.exit = Linear(width, dimension, zero=True, key=keys[2])
        self.num_frequencies = num_frequencies

    def __call__(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, " d"]:
        embedding = jax.nn.silu(self.embedding(fourier_features(c_noise, self.num_frequencies)))
        h = self.entry(x)
        keys = [None] * len(self.blocks) if key is None else list(jax.random.split(key, len(self.blocks)))
        for block, block_key in zip(self.blocks, keys, strict=True):
            h = block(h, embedding, key=block_key)
        return self.exit(jax.nn.silu(self.norm(h)))
