"""The affine layers of all networks, and the random start of many."""

import math
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

    def __call__(self, h: Float[Array, "*axes in"]) -> Float[Array, "*axes out"]:
        return jnp.matmul(h, self.weight) + self.bias


class Conv(eqx.Module):
    r"""Convolution with a kernel of $k$ positions along every axis of the grid, zeros beyond its edges, channels last.

    $y_p = b + \sum_o x_{p+o} W_o$ over the offsets o, each at most $(k-1)/2$ along an axis; W has shape (k, in, out) on a line
    and (k, k, in, out) in the plane. A layer starts at zero; :func:`drawn` gives many layers their random start at once.

    Args:
        axes: of the grid, 1 or 2.
        in_size: channels of the input.
        out_size: channels of the output.
        kernel: k, odd.
    """

    weight: Float[Array, "*stack_and_kernel in out"]
    bias: Float[Array, "*stack out"]

    def __init__(self, axes: int, in_size: int, out_size: int, *, kernel: int = 3) -> None:
        self.weight = jnp.zeros((*[kernel] * axes, in_size, out_size))
        self.bias = jnp.zeros(out_size)

    def __call__(self, h: Float[Array, "*grid in"]) -> Float[Array, "*grid out"]:
        axes = h.ndim - 1
        letters = "XY"[:axes]
        numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
        dtype = jnp.result_type(h, self.weight)
        made = jax.lax.conv_general_dilated(
            h[None].astype(dtype), self.weight.astype(dtype), [1] * axes, "SAME", dimension_numbers=numbers
        )
        return made[0] + self.bias


def require_inputs(layers: Iterable[tuple[Linear, int]]) -> None:
    """Refuse layers that are not for inputs of these lengths, as parts of two networks would be."""
    for layer, size in layers:
        if layer.weight.shape[-2] != size or layer.weight.shape[-1] != layer.bias.shape[-1]:
            got = f"weights of shape {layer.weight.shape[-2:]} and a bias of {layer.bias.shape[-1]}"
            raise ValueError(explain(expected=f"a layer of {size} inputs", got=got, do="use the constructor"))


def drawn(layers: Layers, *, key: Key) -> Layers:
    """``layers``, a PyTree, with every affine layer in it at a random start, all from one draw.

    XLA takes a third of a second on CPU to compile a draw; one for each weight and bias of a network would take most of the
    time before its first step.
    """
    affine = [part for part in jax.tree.leaves(layers, is_leaf=_is_affine) if _is_affine(part)]
    sizes = [size for layer in affine for size in (layer.weight.size, layer.bias.size)]
    draws = iter(jnp.split(jax.random.uniform(key, (sum(sizes),), minval=-1.0), np.cumsum(sizes)[:-1]))

    def start(part: Any) -> Any:
        if not _is_affine(part):
            return part
        limit = math.prod(part.weight.shape[:-1]) ** -0.5
        weight, bias = (limit * next(draws).reshape(leaf.shape) for leaf in (part.weight, part.bias))
        return eqx.tree_at(lambda layer: (layer.weight, layer.bias), part, (weight, bias))

    return jax.tree.map(start, layers, is_leaf=_is_affine)


def _is_affine(part: Any) -> bool:
    return isinstance(part, Linear | Conv)
