"""Products in bfloat16 under weights in float32, and what a network costs."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_kind
from scorax._trees import Frozen
from scorax._types import Condition, Key
from scorax.networks._abstract import AbstractNetwork


class MixedPrecision(AbstractNetwork):
    """A network whose products are those of bfloat16, with parameters, optimiser and output in the type of the state.

    Weights and state are rounded at every call, so gradients reach the float32 weights; products of bfloat16 add up in float32 on
    the devices that have them. Norms, the embedding of the level and the output are in float32. It serves the speed of a GPU or
    TPU; a CPU has no use for it. A density then carries the rounding of the field, two to three digits: score the network inside.
    :class:`CodedHead` and :class:`MixtureSkip` stay outside, as their closed forms need the digits of the state.

    Args:
        network: what is asked in bfloat16.
    """

    network: AbstractNetwork

    def __call__(
        self,
        c_noise: Float[Array, ""],
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key | None = None,
    ) -> Float[Array, "*outputs"]:
        rounded = jax.tree.map(
            lambda leaf: leaf.astype(jnp.bfloat16) if eqx.is_inexact_array(leaf) else leaf, self.network
        )
        return rounded(c_noise, x.astype(jnp.bfloat16), condition, key=key).astype(x.dtype)

    @property
    def reads_masks(self) -> bool:
        """Whether what is inside does."""
        return self.network.reads_masks


@dataclass(frozen=True)
class Cost:
    """What a network costs.

    Attributes:
        parameters: numbers that are trained.
        flops: floating-point operations of one call on one example, as XLA counts them; a training step takes about three times
            as many for each row of its batch.
    """

    parameters: int
    flops: int


def cost(network: AbstractNetwork, shape: tuple[int, ...], condition: Condition = None) -> Cost:
    """Parameters of a network and operations of one call; nothing is compiled.

    Args:
        network: any network.
        shape: of the state.
        condition: of one example, if the network reads one.
    """
    require_kind(network, AbstractNetwork, what="network")
    trained = jax.tree.map(
        lambda part: None if isinstance(part, Frozen) else part, network, is_leaf=lambda part: isinstance(part, Frozen)
    )
    arrays = eqx.filter(trained, eqx.is_inexact_array)
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    lowered = jax.jit(lambda c, x: network(c, x, condition)).lower(jax.ShapeDtypeStruct((), jnp.float32), x)
    counted = lowered.cost_analysis() or {}
    return Cost(sum(leaf.size for leaf in jax.tree.leaves(arrays)), int(counted["flops"]))
