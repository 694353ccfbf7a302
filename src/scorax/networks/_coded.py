"""The exact head of discrete quantities: a network says what the other columns know, and Bayes' rule does the rest."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._trees import Frozen
from scorax._types import Condition, Key
from scorax.networks._abstract import AbstractNetwork, log_ratio_of


class _Run(NamedTuple):
    """Codes beside one another with codebooks of one shape, at a noisy state.

    Attributes:
        x: their noisy coordinates.
        points: of each code, its codebook.
        logits: of each code's categories.
    """

    x: Float[Array, "codes m"]
    points: Float[Array, "codes categories m"]
    logits: Float[Array, "codes categories"]

    @property
    def mean(self) -> Float[Array, "codes m"]:
        """Posterior mean of each code."""
        # An accelerator may multiply with ten bits, which divided by the noise are none.
        return jnp.einsum("gk,gkm->gm", jax.nn.softmax(self.logits), self.points, precision="highest")


class CodedHead(AbstractNetwork):
    r"""Head of a network for states with discrete quantities: exact posteriors of categories, made of logits.

    A discrete quantity of K categories is a *code*: m coordinates of the state that in clean data are one of K points $c_k$.
    The state is the numbers first, then the codes, one after the other. With the angle $a$ of the level, the scaled input
    $y = x / R$ and the coordinates $y_c$ of one code,

    $$ P_k = \mathrm{softmax}_k\left(\log \pi_k - \frac{|y_c - \cos(a)\, c_k|^2}{2 \sin^2 a} + g_k\right), \qquad
       D = \sum_k P_k\, c_k, \qquad F = \frac{D - \cos(a)\, y_c}{\sin a}, $$

    where $g$ are outputs of the network inside; an output of a number is F as it is. D is the posterior mean of the code. This
    is the meaning of F under ``Karras`` with unit data scale; it is wrong under other parametrizations.

    The Gaussian noise of a code is independent of all else, so with $g_k = \log P(k \mid \text{other coordinates}) - \log \pi_k$
    the head is exact at every level: the network has to learn only what the other coordinates say of the category. With zero
    outputs, as untrained, the codes are independent with the probabilities $\pi$.

    In the place of a noisy code the network sees D at $g = 0$, its mean by its own noisy coordinates: a one-to-one function of
    them that is a point of the codebook wherever the category is not in doubt, so that nothing has to be learned there.

    Args:
        network: what is learned: a function of the state to as many outputs as there are numbers, and one for each category
            of each code after them; ``ResMLP(d, outputs=...)``, for one.
        codebooks: the points $c_k$ of every code, (K, m); :func:`codebook` or :func:`line_codebook`, at unit scale. Codes of
            one shape that stand beside one another are computed as one array.
        log_priors: $\log \pi_k$ of every code. In an :class:`Ensemble` each member has its own, and its copy of the codebooks.

    Raises:
        ValueError: not one log-prior for each point, or a codebook without points or coordinates.

    Reference: Dieleman et al. (2022), *Continuous diffusion for categorical data*, for codes and their posterior mean.
    """

    network: AbstractNetwork
    law: Frozen

    def __init__(
        self,
        network: AbstractNetwork,
        codebooks: Sequence[Float[Array, "..."] | Float[np.ndarray, "..."]],
        log_priors: Sequence[Float[Array, "..."] | Float[np.ndarray, "..."]],
    ) -> None:
        self.network = network
        self.law = Frozen((tuple(jnp.asarray(own) for own in codebooks), tuple(jnp.asarray(own) for own in log_priors)))

    def __check_init__(self) -> None:
        codebooks, log_priors = self.law.value
        shapes = [own.shape[:-1] for own in codebooks]
        if shapes != [own.shape for own in log_priors] or any(min(own.shape[-2:], default=0) < 1 for own in codebooks):
            raise ValueError(
                explain(
                    expected="codebooks (K, m) and log-priors (K,) of every code",
                    got=f"{[own.shape for own in codebooks]} and {[own.shape for own in log_priors]}",
                    do="give every category of a code a point and a prior",
                )
            )

    @property
    def codebooks(self) -> tuple[Float[Array, "..."], ...]:
        return self.law.value[0]

    def __call__(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, " d"]:
        outputs, runs = self._runs(c_noise, x, condition, key=key)
        cos, sin = _circle(c_noise)

        def output(run: _Run) -> Float[Array, " coordinates"]:
            # ``mean - x`` keeps its digits near a point, where it is small; 1 - cos(a) is sin(a)^2 / (1 + cos(a)).
            return ((run.mean - run.x) / sin + sin / (1 + cos) * run.x).reshape(-1)

        return jnp.concatenate([outputs, *map(output, runs)])

    @property
    def reads_masks(self) -> bool:
        """Whether the network inside does."""
        return self.network.reads_masks

    def log_posteriors(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None
    ) -> tuple[Float[Array, " _"], ...]:
        _, runs = self._runs(c_noise, x, condition, key=None)
        return tuple(own for run in runs for own in jax.nn.log_softmax(run.logits))

    def _runs(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition, *, key: Key | None
    ) -> tuple[Float[Array, " numbers"], list[_Run]]:
        """Outputs for the numbers, and the codes with the logits of their categories."""
        codebooks, log_priors = jax.tree.map(lambda leaf: leaf.astype(x.dtype), self.law.value)
        shapes = [own.shape for own in codebooks]
        coordinates, categories = sum(m for _, m in shapes), sum(k for k, _ in shapes)
        numbers = x.shape[0] - coordinates
        if numbers < 0:
            raise ValueError(
                explain(
                    expected=f"a state of numbers and {coordinates} coordinates of codes",
                    got=f"shape {x.shape}",
                    do="put the codes of encode_categories after the numbers",
                )
            )
        cos, sin = _circle(c_noise)
        runs, first, place = [], 0, numbers
        for (_, m), group in itertools.groupby(shapes):
            count = len(list(group))
            own = jnp.stack(codebooks[first : first + count])
            noisy = x[place : place + count * m].reshape(count, m)
            # Squares of differences: a product of the state with the points would lose what is near the noise squared.
            far = 0.5 * jnp.sum(((noisy[:, None] - cos * own) / sin) ** 2, axis=-1)
            runs.append(_Run(noisy, own, jnp.stack(log_priors[first : first + count]) - far))
            first, place = first + count, place + count * m
        seen = jnp.concatenate([x[:numbers], *(run.mean.reshape(-1) for run in runs)])
        outputs = self.network(c_noise, seen, condition, key=key)
        if outputs.shape != (numbers + categories,):
            raise ValueError(
                explain(
                    expected=f"one output for each of {numbers} numbers and {categories} categories",
                    got=f"outputs of shape {outputs.shape}",
                    do=f"build the network with outputs={numbers + categories}",
                )
            )
        place = numbers
        for i, run in enumerate(runs):
            g = outputs[place : place + run.logits.size].reshape(run.logits.shape)
            runs[i], place = run._replace(logits=run.logits + g), place + g.size
        return outputs[:numbers], runs


def _circle(c_noise: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Cosine and sine of the angle of a level."""
    angle = jnp.arctan(jnp.exp(log_ratio_of(c_noise)))
    return jnp.cos(angle), jnp.sin(angle)
