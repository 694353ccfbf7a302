"""The contract of a network, and what every network says about the noise level."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import Checked, require_result, shown
from scorax._errors import explain
from scorax._types import Condition, Key


class AbstractNetwork(Checked):
    """Function ``network(c_noise, x, condition, key=key) -> F`` on one example; it knows no alpha, sigma, process or loss."""

    @abc.abstractmethod
    def __call__(
        self,
        c_noise: Float[Array, ""],
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key | None = None,
    ) -> Float[Array, "*shape"]:
        """Output of the shape of ``x``; ``key`` turns training noise (dropout) on, ``None`` is inference."""

    @property
    def reads_masks(self) -> bool:
        """Whether the condition may be :class:`Masks`: which coordinates are known, asked for or absent."""
        return False

    @property
    def codebooks(self) -> tuple[Float[Array, "..."], ...]:
        """Codebooks of the codes in a state, in their order, as :class:`~scorax.networks.CodedHead` has them.

        Raises:
            TypeError: the network knows of no codes.
        """
        raise TypeError(_no_codes(self))

    def log_posteriors(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None
    ) -> tuple[Float[Array, " _"], ...]:
        """Log-probabilities of the categories of every code given the noisy state.

        Raises:
            TypeError: the network knows of no codes.
        """
        raise TypeError(_no_codes(self))


class AbstractNetworkWrapper(AbstractNetwork):
    """Network around ``network`` for states of the same kind: what it says of masks and codes is what the network inside says."""

    network: eqx.AbstractVar[AbstractNetwork]

    @property
    def reads_masks(self) -> bool:
        """Whether the network inside does."""
        return self.network.reads_masks

    @property
    def codebooks(self) -> tuple[Float[Array, "..."], ...]:
        return self.network.codebooks

    def log_posteriors(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None
    ) -> tuple[Float[Array, " _"], ...]:
        return self.network.log_posteriors(c_noise, x, condition)


def _no_codes(network: AbstractNetwork) -> str:
    return explain(
        expected="a network with a CodedHead", got=shown(network), do="build CodedHead(network, codebooks, log_priors)"
    )


def output_of(
    network: AbstractNetwork,
    c_noise: Float[Array, ""],
    x: Float[Array, "*shape"],
    condition: Condition,
    *,
    key: Key | None,
) -> Float[Array, "*shape"]:
    """What a network says of a state, held to the shape of it: another one would be broadcast, in silence.

    Raises:
        TypeError: it is no array.
        ValueError: it is of another shape.
    """
    output = network(c_noise, x, condition, key=key)
    require_result(
        output,
        x.shape,
        expected=f"an output of {shown(network)} like its state, of shape {list(x.shape)}",
        do="return a number for each of the state, or build the network for such states",
    )
    return output


def check_state(c_noise: Any, x: Any, shape: tuple[int, ...]) -> None:
    """Refuse a state of another shape than the network is for, and a level that is not one number.

    Raises:
        ValueError: either of these.
    """
    if jnp.shape(x) != shape:
        do = "build the network for such states"
        if jnp.ndim(x) < len(shape):
            do = f"pass one row as x[None] where rows are asked for, or {do}"
        elif jnp.ndim(x) > len(shape):
            do = f"map over rows by jax.vmap, or {do}"
        raise ValueError(explain(expected=f"a state of shape {shape}", got=f"{jnp.shape(x)}", do=do))
    if jnp.shape(c_noise) != ():
        raise ValueError(
            explain(
                expected="a noise level of one number",
                got=f"shape {jnp.shape(c_noise)}",
                do="map over rows by jax.vmap",
            )
        )


def check_dropout(rate: float) -> None:
    """Refuse a rate of dropout at which nothing is left, or that is none.

    Raises:
        ValueError: outside [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(explain(expected="a rate of dropout in [0, 1)", got=f"{rate}", do="pass 0.1, say"))


def fourier_features(c_noise: Float[Array, ""], num_frequencies: int) -> Float[Array, " features"]:
    """Sines and cosines of ``c_noise`` at frequencies spaced geometrically from 1/8 to 4 radians per unit.

    ``c_noise`` runs over [-8, 8]; the slowest wave covers it with a quarter period to each side, so the features are
    one-to-one, and the fastest resolves a quarter of a unit in log sigma.
    """
    frequencies = jnp.geomspace(0.125, 4.0, num_frequencies, dtype=jnp.result_type(c_noise))
    return jnp.concatenate([jnp.sin(frequencies * c_noise), jnp.cos(frequencies * c_noise)])


def noise_averaged_waves(c_noise: Float[Array, ""], x: Float[Array, " d"], waves: int) -> Float[Array, " features"]:
    r"""Sines and cosines of every column that fade with the noise: $e^{-2 f^2 \sin^2 a} \sin(f x_i)$.

    The frequencies f are 1, 2, 4, ..., ``waves`` of them, and a is the angle of the level; the result has length
    ``2 * waves * d``. It is the mean of $\sin(f x')$ over $x' \sim N(x, (2 \sin a)^2)$: a wave shorter than the noise
    vanishes. No field of that level is that sharp, and a network that sees such waves memorises its rows. Held-out rows are
    likelier under twice the noise than under one, one and a half or three times (``docs/recipe.md``).

    Reference: Tancik et al. (2020), *Fourier features let networks learn high frequency functions in low dimensional
    domains*; Barron et al. (2021), *Mip-NeRF*, for features averaged over a Gaussian.
    """
    frequencies = 2.0 ** jnp.arange(waves, dtype=x.dtype)
    sin2 = jax.nn.sigmoid(2 * log_ratio_of(c_noise))
    kept = jnp.exp(-2 * sin2 * frequencies**2)
    phases = x[:, None] * frequencies
    return jnp.concatenate([kept * jnp.sin(phases), kept * jnp.cos(phases)], axis=None)


NOISE_SCALE = 8.0
"""Bound of the noise input, and the scale of log-ratios below which it is nearly linear."""


def noise_input(log_ratio: Float[Array, ""]) -> Float[Array, ""]:
    """``8 tanh(log(sigma / alpha) / 8)``: what networks see of the level; finite at both limits."""
    return NOISE_SCALE * jnp.tanh(log_ratio / NOISE_SCALE)


def log_ratio_of(c_noise: Float[Array, ""]) -> Float[Array, ""]:
    """The ``log(sigma / alpha)`` that :func:`noise_input` was made from."""
    return NOISE_SCALE * jnp.arctanh(c_noise / NOISE_SCALE)
