"""Networks that are told which coordinates of a row are known, asked for or absent."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from scorax._checked import require_count
from scorax._types import Condition, Key
from scorax.networks._abstract import AbstractNetwork, noise_averaged_waves


class Masks(eqx.Module):
    """What a network is told of the coordinates of one row; those that are neither known nor asked for are absent.

    Attributes:
        value: clean values, at unit scale; read where ``known``.
        known: which coordinates are known.
        target: which are asked for: the network sees their noisy state.
        condition: what the network is told beside them, a class, say.
    """

    value: Float[Array, "*shape"]
    known: Bool[Array, "*shape"]
    target: Bool[Array, "*shape"]
    condition: Condition = None


class MaskedInput(AbstractNetwork):
    r"""A network that reads :class:`Masks`: what is inside sees $3d$ numbers in place of a state of $d$.

    With the masks of the known coordinates K, the targets T and the absent ones A,

    $$ F(c, x) = f(c, [\,1_T\, x + 1_K\, v,\; 1_K,\; 1_A\,]), $$

    so nothing of the state reaches the network outside the targets. Without masks all coordinates are targets: one network
    learns the law of whole rows and that of their parts. :class:`~scorax.models.Denoiser` then reads
    :class:`~scorax.models.Evidence`. A condition beside the masks, or without any, is that of f.

    Args:
        network: f, of a state with three times as many coordinates on its last axis (channels of a picture), whose outputs are
            those of the state or what a network around this one asks for.
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
        seen, known, absent, beside = _told(x, condition)
        return self.network(c_noise, jnp.concatenate([seen, known, absent], axis=-1), beside, key=key)

    @property
    def reads_masks(self) -> bool:
        """It does."""
        return True


class MaskedWaves(AbstractNetwork):
    r"""A network that reads :class:`Masks` and sees waves of the coordinates, and none of the masks.

    With what :class:`MaskedInput` shows, $s = 1_T x + 1_K v$ and the masks, and :func:`noise_averaged_waves` w of s,

    $$ F(c, x) = f(c, [s,\; 1_K,\; 1_A,\; w(s)]). $$

    Waves of masks, which are 0 or 1, would be large constants of every question: a third of the entry is left for the state.

    Args:
        network: f, of a vector of ``(3 + 2 * waves) * d`` numbers, whose outputs are those of the state.
        waves: how many frequencies.

    Raises:
        ValueError: ``waves`` is no count.
    """

    network: AbstractNetwork
    waves: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        require_count(self.waves, "waves")

    def __call__(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, " outputs"]:
        seen, known, absent, beside = _told(x, condition)
        entry = jnp.concatenate([seen, known, absent, noise_averaged_waves(c_noise, seen, self.waves)])
        return self.network(c_noise, entry, beside, key=key)

    @property
    def reads_masks(self) -> bool:
        """It does."""
        return True


def _told(
    x: Float[Array, "*shape"], condition: Condition
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"], Float[Array, "*shape"], Condition]:
    """Targets and known values, which coordinates are known, which absent, and the condition beside the masks."""
    if not isinstance(condition, Masks):
        return x, jnp.zeros_like(x), jnp.zeros_like(x), condition
    seen = jnp.where(condition.target, x, jnp.where(condition.known, condition.value.astype(x.dtype), 0))
    absent = ~(condition.known | condition.target)
    return seen, condition.known.astype(x.dtype), absent.astype(x.dtype), condition.condition


class Masked(AbstractNetwork):
    """A network that reads masks, told those of one row; its output is zero outside the targets.

    Under ``Karras`` with unit data scale these coordinates are independent standard normal variables then.

    Args:
        network: reads masks.
        masks: of one row.
    """

    network: AbstractNetwork
    masks: Masks

    def __call__(
        self,
        c_noise: Float[Array, ""],
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key | None = None,
    ) -> Float[Array, "*shape"]:
        return jnp.where(self.masks.target, self.network(c_noise, x, self._beside(condition), key=key), 0)

    @property
    def codebooks(self) -> tuple[Float[Array, "..."], ...]:
        return self.network.codebooks

    def log_posteriors(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None
    ) -> tuple[Float[Array, " _"], ...]:
        return self.network.log_posteriors(c_noise, x, self._beside(condition))

    def _beside(self, condition: Condition) -> Masks:
        return dataclasses.replace(self.masks, condition=condition)
