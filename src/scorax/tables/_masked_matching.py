"""The loss of rows whose cells are hidden anew at every visit: one network learns whole rows, parts of them, and the rest."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, Evidence
from scorax.objectives import AbstractObjective, AbstractTimes, AbstractWeighting, DenoisingScoreMatching

_MASKS = 0x6D61736B
"""Sets the draw of the masks apart from the noise of the state."""


class MaskedMatching(AbstractObjective):
    r"""Denoising score matching of a row of which a question is asked that is drawn anew at every visit.

    Let P be the coordinates that are present, the targets of the evidence that comes with the row, and M a pattern drawn anew.
    A share ``rest`` of the visits asks for $P \setminus M$ given $P \cap M$, with the pattern of a row of the table that lacks
    some; half of the others ask for $P \cap M$ with the rest absent, with the pattern of any row; and the others for P, as does
    a visit that would ask for nothing. The masks know nothing of the values, so of rows whose coordinates are all present a
    network learns the law of whole rows, that of the parts that rows of the table have, and that of what rows lack given what
    they have. Outside training the question is that of the evidence.

    Args:
        weighting: of the loss.
        times: of the loss.
        patterns: which coordinates are present in each row of the table.
        holed: those of the rows that lack some.
        rest: the share.
    """

    weighting: AbstractWeighting  # pyright: ignore[reportIncompatibleVariableOverride]  frozen
    times: AbstractTimes  # pyright: ignore[reportIncompatibleVariableOverride]  frozen
    patterns: Bool[Array, "n d"]
    holed: Bool[Array, "m d"]
    rest: Float[Array, ""]

    def at(
        self,
        model: AbstractScoreModel,
        t: Float[Array, ""],
        x0: Float[Array, " d"],
        condition: Condition = None,
        *,
        key: Key,
        training: bool = True,
    ) -> Float[Array, ""]:
        if training and isinstance(condition, Evidence):
            condition = self._question(x0, jnp.asarray(condition.target), jax.random.fold_in(key, _MASKS))
        return self._matching.at(model, t, x0, condition, key=key, training=training)

    def evaluations(self, dimension: int) -> int:
        return self._matching.evaluations(dimension)

    @property
    def _matching(self) -> DenoisingScoreMatching:
        return DenoisingScoreMatching(self.weighting, self.times)

    def _question(self, x0: Float[Array, " d"], present: Bool[Array, " d"], key: Key) -> Evidence:
        keys = jax.random.split(key, 4)
        own, other = (_any_row(rows, k) for rows, k in ((self.holed, keys[0]), (self.patterns, keys[1])))
        rest = (jax.random.uniform(keys[2]) < self.rest) & jnp.any(present & ~own)
        part = jax.random.bernoulli(keys[3]) & jnp.any(present & other)
        target = jnp.where(rest, present & ~own, jnp.where(part, present & other, present))
        return Evidence(x0, rest & present & own, target)


def _any_row(rows: Bool[Array, "n d"], key: Key) -> Bool[Array, " d"]:
    return rows[jax.random.randint(key, (), 0, len(rows))]
