"""The affine layer of all networks."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Key


class Linear(eqx.Module):
    r"""Affine map $h \mapsto h W + b$ with $W$ of shape (in, out), uniform in $\pm 1/\sqrt{in}$ at the start.

    A row times a matrix stays a plain matrix product under ``vmap``, batch first, at every layer. The other order, $W h$
    with $W$ of shape (out, in) as ``equinox.nn.Linear`` has it, transposes every activation of a batch, which on CPU costs
    a sixth of the training steps per second of a small network.

    Args:
        in_size: length of the input.
        out_size: length of the output.
        zero: start with all parameters zero, so that a model starts at the Gaussian of its parametrization.
    """

    weight: Float[Array, "*stack in out"]
    bias: Float[Array, "*stack out"]

    def __init__(self, in_size: int, out_size: int, *, zero: bool = False, key: Key) -> None:
        limit = 0.0 if zero else in_size**-0.5
        weight_key, bias_key = jax.random.split(key)
        self.weight = jax.random.uniform(weight_key, (in_size, out_size), minval=-limit, maxval=limit)
        self.bias = jax.random.uniform(bias_key, (out_size,), minval=-limit, maxval=limit)

    def __call__(self, h: Float[Array, " in"]) -> Float[Array, " out"]:
        return jnp.matmul(h, self.weight) + self.bias
