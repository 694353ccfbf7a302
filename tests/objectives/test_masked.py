"""Questions that are drawn anew at every visit: their shares, what they leave alone, and the loss of one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax import EDM
from scorax.models import Evidence
from scorax.objectives import (
    AbstractQuestions,
    DenoisingScoreMatching,
    FixedQuestion,
    MaskedMatching,
    Question,
    RandomQuestions,
)
from scorax.targets import ExactDenoiser, GaussianMixture, gaussian

GROUPS = jnp.array([0, 0, 1, 2])
DRAWS = 8000


def asked(questions: AbstractQuestions, present: list[bool]) -> Question:
    keys = jax.random.split(jax.random.key(1), DRAWS)
    found = eqx.filter_vmap(lambda key: questions.ask(jnp.array(present), key=key))(keys)
    return jax.tree.map(np.asarray, found)


def test_random_questions_ask_for_groups_with_the_shares_that_they_say() -> None:
    """Within 4.5 standard errors of 8,000 draws (false alarms: 7e-6 each), by integrals over p and q.

    Of three groups none is left to ask for with probability 1/4, and where each of those that are not known is absent with
    probability q the integral of (p + (1 - p) q)^3. Those ask for the whole row, as half of the visits do.
    """
    found = asked(RandomQuestions(GROUPS, 3), [True] * 4)
    assert not np.any(found.known & found.target)
    for part in (found.known, found.target):
        np.testing.assert_array_equal(part[:, 0], part[:, 1])
    p, q = np.meshgrid(*[(np.arange(2000) + 0.5) / 2000] * 2)
    nothing = 0.75 * 0.25 + 0.25 * np.mean((p + (1 - p) * q) ** 3)
    whole = 0.5 + 0.5 * (nothing + 0.5 * 0.25 + 0.25 * np.mean(((1 - p) * (1 - q)) ** 3))
    # A group is known and something is asked for: p less the draws in which no other is asked for.
    known = 0.5 * (0.75 * np.mean(p * (1 - p**2)) + 0.25 * np.mean(p * (1 - (p + (1 - p) * q) ** 2)))
    far = 0.5 * (1 - nothing) * 0.5
    # Of the last group alone, with the first known: asked alone where it is drawn among the free ones, or the other is absent.
    alone = 0.5 * np.mean(0.25 * (p * (1 - p) ** 2 / 2) + 0.25 * p * (1 - p) ** 2 * q * (1 - q))
    only = found.known[:, 0] & ~found.known[:, 2] & ~found.target[:, 2] & found.target[:, 3]
    assert abs(only.mean() - alone) < 4.5 * np.sqrt(alone / DRAWS)
    for share, value in ((whole, found.target.all(axis=1)), (known, found.known[:, 2]), (far, found.far)):
        assert abs(value.mean() - share) < 4.5 * np.sqrt(share * (1 - share) / DRAWS)


def test_what_is_missing_is_neither_known_nor_asked_for() -> None:
    found = asked(RandomQuestions(GROUPS, 3, share=1.0), [True, True, False, True])
    assert not np.any(found.known[:, 2] | found.target[:, 2])
    assert np.all(found.target.any(axis=1))


def test_other_visits_ask_what_they_are_told_to() -> None:
    fixed = FixedQuestion(jnp.array([True, True, False, False]), far=0.0)
    found = asked(RandomQuestions(GROUPS, 3, share=0.0, otherwise=fixed), [True, False, True, True])
    np.testing.assert_array_equal(found.known, np.tile([True, False, False, False], (DRAWS, 1)))
    np.testing.assert_array_equal(found.target, np.tile([False, False, True, True], (DRAWS, 1)))
    assert not found.far.any()


@pytest.mark.parametrize("far", [0.0, 1.0])
def test_the_loss_of_a_question_is_that_of_its_evidence(far: float) -> None:
    """At the drawn quantile, or in the uppermost twentieth; outside training the whole row is asked for."""
    covariance = np.array([[1.0, 0.6, 0.2], [0.6, 1.0, 0.3], [0.2, 0.3, 1.0]])
    model = ExactDenoiser.create(gaussian(np.zeros(3), covariance), EDM(t0=1e-2))
    known = jnp.array([True, False, False])
    masked, plain = MaskedMatching(questions=FixedQuestion(known, far=far)), DenoisingScoreMatching()
    x0, u, key = jnp.array([0.5, -1.0, 2.0]), jnp.asarray(0.3), jax.random.key(4)
    expected = plain(model, x0, 1 - 0.05 * (1 - u) if far else u, Evidence(x0, known, ~known), key=key)
    np.testing.assert_allclose(masked(model, x0, u, key=key), expected, rtol=1e-6)
    np.testing.assert_array_equal(
        masked(model, x0, u, key=key, training=False), plain(model, x0, u, key=key, training=False)
    )


@pytest.mark.parametrize("present", [None, [True, True, False]])
def test_a_class_is_told_beside_the_question(present: list[bool] | None) -> None:
    """The loss of a mixture that is told its component is that of the component alone."""
    means, covariances = np.array([[0.0, 1.0, 2.0], [-1.0, 0.5, 0.0]]), np.stack([np.eye(3), 0.5 * np.eye(3) + 0.2])
    process = EDM(t0=1e-2)
    mixture = ExactDenoiser.create(GaussianMixture.create(np.array([0.4, 0.6]), means, covariances), process)
    alone = ExactDenoiser.create(gaussian(means[1], covariances[1]), process)
    masked = MaskedMatching(questions=FixedQuestion(jnp.array([True, False, False]), far=0.0))
    x0, u, key = jnp.array([0.5, -1.0, 2.0]), jnp.asarray(0.3), jax.random.key(4)
    told, plain = jnp.asarray(1), None
    if present is not None:
        there, nothing = jnp.array(present), jnp.zeros(3, bool)
        told, plain = Evidence(x0, nothing, there, told), Evidence(x0, nothing, there)
    for training in (True, False):
        np.testing.assert_allclose(
            masked(mixture, x0, u, told, key=key, training=training),
            masked(alone, x0, u, plain, key=key, training=training),
            rtol=1e-5,
        )
