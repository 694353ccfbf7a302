"""Several networks read as one: the mean of their outputs."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count, require_key
from scorax._types import Condition, Key
from scorax.networks._abstract import AbstractNetwork


class Ensemble(AbstractNetwork):
    """Networks of one architecture stacked on a leading axis; the output is the mean over members.

    Members share transform, process and parametrization, and a prediction is affine in the output, so this mean is at once
    the mean of score, velocity and denoiser: a field, whose density is exact.

    Args:
        members: a network whose arrays carry a leading member axis.
    """

    members: AbstractNetwork

    @staticmethod
    def create(build: Callable[[Key], AbstractNetwork], num_members: int, *, key: Key) -> "Ensemble":
        """``num_members`` networks made by ``build(key)`` with independent keys."""
        num_members = require_count(num_members, "num_members")
        require_key(key)
        return Ensemble(eqx.filter_vmap(build)(jax.random.split(key, num_members)))

    @property
    def num_members(self) -> int:
        """Length of the member axis."""
        return jax.tree.leaves(eqx.filter(self.members, eqx.is_array))[0].shape[0]

    @property
    def reads_masks(self) -> bool:
        """Whether the members do."""
        return self.members.reads_masks

    def member(self, index: int) -> AbstractNetwork:
        """One member as a network of its own."""
        return jax.tree.map(lambda leaf: leaf[index] if eqx.is_array(leaf) else leaf, self.members)

    def __call__(
        self,
        c_noise: Float[Array, ""],
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key | None = None,
    ) -> Float[Array, "*shape"]:
        outputs = eqx.filter_vmap(lambda network: network(c_noise, x, condition, key=key), in_axes=(eqx.if_array(0),))(
            self.members
        )
        return jnp.mean(outputs, axis=0)

    @property
    def codebooks(self) -> tuple[Float[Array, "..."], ...]:
        """Those of the first member: members share their coordinates."""
        return tuple(own[0] for own in self.members.codebooks)

    def log_posteriors(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None
    ) -> tuple[Float[Array, " _"], ...]:
        """Logarithms of the means of the members' probabilities, as the output is the mean of theirs."""
        each = eqx.filter_vmap(
            lambda network: network.log_posteriors(c_noise, x, condition), in_axes=(eqx.if_array(0),)
        )(self.members)
        return tuple(jax.nn.logsumexp(own, axis=0) - math.log(self.num_members) for own in each)
