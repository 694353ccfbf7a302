"""The affine layer of all networks, and the random start of many."""

from collections.abc import Iterable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._types import Key

Layers = TypeVar("Layers")


class Linear(eqx.Module):
    r"""Affine map $h \mapsto h W + b$ with $W$ of shape (in, out), uniform in $\pm 1/\sqrt{in}$ at the start.

    A row times a matrix stays a plain matrix product under ``vmap``, batch first, at every layer. The other order, $W h$
    with $W$ of shape (out, in) as ``equinox.nn.Linear`` has it, transposes every activation of a batch, which on CPU costs
    a sixth of the training steps per second of a small network.

    A layer starts at zero; :func:`drawn` gives many layers their random start at once.

    Args:
        in_size: length of the input.
        out_size: length of the output.
    """

    weight: Float[Array, "*stack in out"]
    bias: Float[Array, "*stack out"]

    def __init__(self, in_size: int, out_size: int) -> None:
        self.weight = jnp.zeros((in_size, out_size))
        self.bias = jnp.zeros(out_size)

    def __call__(self, h: Float[Array, " in"]) -> Float[Array, " out"]:
        return jnp.matmul(h, self.weight) + self.bias


def require_inputs(layers: Iterable[tuple[Linear, int]]) -> None:
    """Refuse layers that are not for inputs of these lengths, as parts of two networks would be."""
    for layer, size in layers:
        if layer.weight.shape[-2] != size or layer.weight.shape[-1] != layer.bias.shape[-1]:
            got = f"weights of shape {layer.weight.shape[-2:]} and a bias of {layer.bias.shape[-1]}"
            raise ValueError(explain(expected=f"a layer of {size} inputs", got=got, do="use the constructor"))


def drawn(layers: Layers, *, key: Key) -> Layers:
    """``layers``, a PyTree, with every affine layer in it at a random start, all from one draw.

    XLA takes a third of a second on CPU to compile a draw; one for each weight and bias of a network were most of the time
    before its first step.
    """
    linears = [part for part in jax.tree.leaves(layers, is_leaf=_is_linear) if _is_linear(part)]
    sizes = [size for linear in linears for size in (linear.weight.size, linear.bias.size)]
    draws = iter(jnp.split(jax.random.uniform(key, (sum(sizes),), minval=-1.0), np.cumsum(sizes)[:-1]))

    def start(part: Any) -> Any:
        if not _is_linear(part):
            return part
        limit = part.weight.shape[0] ** -0.5
        weight, bias = (limit * next(draws).reshape(leaf.shape) for leaf in (part.weight, part.bias))
        return eqx.tree_at(lambda linear: (linear.weight, linear.bias), part, (weight, bias))

    return jax.tree.map(start, layers, is_leaf=_is_linear)


def _is_linear(part: Any) -> bool:
    return isinstance(part, Linear)
