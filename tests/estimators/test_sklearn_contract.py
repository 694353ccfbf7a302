"""The estimator keeps scikit-learn's contract."""

from collections.abc import Iterator

import jax
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from scorax import ScoreDensity
from tiny import TINY


@pytest.fixture(scope="module", autouse=True)
def quick_compilation() -> Iterator[None]:
    """Programs that XLA hardly optimises, for this file alone.

    Every check brings a table of its own shape, hence programs of its own, and runs them for milliseconds: compiling is
    all the time it takes. The contract is about behaviour; numbers are tested elsewhere, with the optimised programs.
    """
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()  # the option is no part of the key under which a compiled program is kept in memory


@parametrize_with_checks([ScoreDensity(TINY, random_state=0)])
def test_sklearn_contract(estimator: ScoreDensity, check) -> None:
    check(estimator)
