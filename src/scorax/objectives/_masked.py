"""Denoising score matching of questions: what is known, asked for and absent of a row is drawn anew at every visit."""

import abc
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from scorax._checked import Checked, require_count
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, Evidence
from scorax.objectives._abstract import AbstractObjective
from scorax.objectives._denoising import DenoisingScoreMatching
from scorax.objectives._times import AbstractTimes, LikelihoodTimes
from scorax.objectives._weighting import AbstractWeighting, LikelihoodWeighting

_MASKS = 0x6D61736B
"""Sets the draw of a question apart from the noise of the state."""


_FAR = 0.05
"""Share of the training times with the highest noise: of log-normal times those from twice the deviation of the data on."""


class Question(NamedTuple):
    """What is asked of a row at one visit.

    Attributes:
        known: coordinates that are told.
        target: coordinates that are asked for, none of them known, and one at least; the others are absent.
        far: whether to ask in the uppermost twentieth of the training times, where the noisy targets say little.
    """

    known: Bool[Array, " d"]
    target: Bool[Array, " d"]
    far: Bool[Array, ""]


class AbstractQuestions(Checked):
    """The law of the questions that are asked of a row. It must not depend on the values: masks that did would reveal them."""

    @abc.abstractmethod
    def ask(self, present: Bool[Array, " d"], *, key: Key) -> Question:
        """A question about a row with these coordinates, which are some at least; no other is known or asked for."""


class RandomQuestions(AbstractQuestions):
    r"""Groups of coordinates that are known, asked for or absent at random, in a share of the visits.

    With $p$ uniform on [0, 1] each group is known with probability p. In half of the questions all others are asked for; in a
    quarter one of them alone; and in a quarter, with $q$ uniform, each of them is absent with probability q. What would ask for
    nothing asks for the whole row. A part ``far`` of the questions is asked at high noise, where the noisy targets say nothing
    and the network has to learn from what it is told: training times that are best for whole rows are seldom so high.

    Args:
        groups: of every coordinate the number of its group, from 0: a column of several coordinates is one.
        num_groups: how many there are.
        share: of the visits that ask such a question; the others ask for the whole row, or what ``otherwise`` does.
        far: part of those.
        otherwise: what the other visits ask.
    """

    groups: Int[Array, " d"]
    num_groups: int
    share: Float[Array, ""] | float = 0.5
    far: Float[Array, ""] | float = 0.5
    otherwise: AbstractQuestions | None = None

    def __check_init__(self) -> None:
        require_count(self.num_groups, "num_groups")

    def ask(self, present: Bool[Array, " d"], *, key: Key) -> Question:
        keys = jax.random.split(key, 9)
        known = jax.random.bernoulli(keys[0], jax.random.uniform(keys[1]), (self.num_groups,))
        kind, rate = jax.random.uniform(keys[2]), jax.random.uniform(keys[3])
        absent = jax.random.bernoulli(keys[4], jnp.where(kind < 0.25, rate, 0), (self.num_groups,))
        free = ~known & (jnp.zeros(self.num_groups, int).at[self.groups].add(present) > 0)
        one = jnp.argmax(jnp.where(free, jax.random.uniform(keys[8], (self.num_groups,)), -1))
        absent |= (kind >= 0.75) & (jnp.arange(self.num_groups) != one)
        known, target = known[self.groups] & present, ~(known | absent)[self.groups] & present
        asked = (jax.random.uniform(keys[5]) < self.share) & jnp.any(target)
        far = asked & (jax.random.uniform(keys[6]) < self.far)
        other = _whole(present) if self.otherwise is None else self.otherwise.ask(present, key=keys[7])
        return Question(
            jnp.where(asked, known, other.known),
            jnp.where(asked, target, other.target),
            jnp.where(asked, far, other.far),
        )


class FixedQuestion(AbstractQuestions):
    """The same coordinates are known at every visit, and all others asked for: roles that a person gives columns.

    Args:
        known: these coordinates.
        far: share of the visits that ask at high noise.
    """

    known: Bool[Array, " d"]
    far: Float[Array, ""] | float = 0.5

    def ask(self, present: Bool[Array, " d"], *, key: Key) -> Question:
        return Question(self.known & present, ~self.known & present, jax.random.uniform(key) < self.far)


class MissingQuestions(AbstractQuestions):
    r"""Questions with the holes that rows of a table have.

    Let P be the coordinates that are present and M a pattern drawn anew. A share ``rest`` of the visits asks for $P \setminus M$
    given $P \cap M$, with the pattern of a row of the table that lacks some; half of the others ask for $P \cap M$ with the rest
    absent, with the pattern of any row; and the others for P, as does a visit that would ask for nothing. So of rows whose
    coordinates are all present a network learns the law of whole rows, that of the parts that rows of the table have, and that
    of what rows lack given what they have.

    Args:
        patterns: which coordinates are present in each row of the table.
        holed: those of the rows that lack some.
        rest: the share.
    """

    patterns: Bool[Array, "n d"]
    holed: Bool[Array, "m d"]
    rest: Float[Array, ""]

    def ask(self, present: Bool[Array, " d"], *, key: Key) -> Question:
        keys = jax.random.split(key, 4)
        own, other = (_any_row(rows, k) for rows, k in ((self.holed, keys[0]), (self.patterns, keys[1])))
        rest = (jax.random.uniform(keys[2]) < self.rest) & jnp.any(present & ~own)
        part = jax.random.bernoulli(keys[3]) & jnp.any(present & other)
        target = jnp.where(rest, present & ~own, jnp.where(part, present & other, present))
        return Question(rest & present & own, target, jnp.zeros((), bool))


class MaskedMatching(AbstractObjective):
    r"""Denoising score matching of the targets of a question that is drawn anew at every visit, given what it tells.

    A row comes as it is, with a condition, or with :class:`~scorax.models.Evidence` that speaks of the coordinates that are
    present and has the condition. In training the known ones of the question are told with their clean values, as evidence, and
    the loss is that of the targets (:class:`DenoisingScoreMatching`); a question that is ``far`` is asked at a time of the
    uppermost twentieth. Outside training the question is that of the evidence, or the whole row. One network learns the law of
    whole rows and that of any part of them given another.

    Args:
        questions: their law.
        weighting: of the loss.
        times: of the loss.

    Raises:
        TypeError: the process has no scalar Gaussian kernel, or the model reads no evidence.
    """

    questions: AbstractQuestions
    weighting: AbstractWeighting = LikelihoodWeighting()  # pyright: ignore[reportIncompatibleVariableOverride]  frozen
    times: AbstractTimes = LikelihoodTimes()  # pyright: ignore[reportIncompatibleVariableOverride]  frozen

    def visit(
        self, x0: Float[Array, "*shape"], u: Float[Array, ""], condition: Condition, *, key: Key, training: bool
    ) -> tuple[Float[Array, ""], Condition]:
        if not training:
            return u, condition
        present = jnp.ones(x0.shape, bool)
        if isinstance(condition, Evidence):
            present, condition = jnp.asarray(condition.known | condition.target), condition.condition
        question = self.questions.ask(present, key=jax.random.fold_in(key, _MASKS))
        u = jnp.where(question.far, 1 - _FAR * (1 - u), u)
        return u, Evidence(x0, question.known, question.target, condition)

    def at(
        self,
        model: AbstractScoreModel,
        t: Float[Array, ""],
        x0: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key,
        training: bool = True,
    ) -> Float[Array, ""]:
        return self._matching.at(model, t, x0, condition, key=key, training=training)

    def evaluations(self, dimension: int) -> int:
        return self._matching.evaluations(dimension)

    @property
    def _matching(self) -> DenoisingScoreMatching:
        return DenoisingScoreMatching(self.weighting, self.times)


def _whole(present: Bool[Array, " d"]) -> Question:
    return Question(jnp.zeros_like(present), present, jnp.zeros((), bool))


def _any_row(rows: Bool[Array, "n d"], key: Key) -> Bool[Array, " d"]:
    return rows[jax.random.randint(key, (), 0, len(rows))]
