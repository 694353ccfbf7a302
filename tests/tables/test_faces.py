"""The conditional law in a search over its settings, trained; and the outlier detector."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scorax import ScoreConditional, ScoreDensity, ScoreOutlier
from scorax._errors import InputError
from scorax.tables import EnsembleConfig, NoiseConfig
from tiny import SMALL, TINY, clusters


@pytest.mark.slow  # a fit of its own, ten seconds; CI runs it
def test_outliers_are_the_least_likely_rows_of_the_share_that_is_said() -> None:
    """With a lone row far off among them; the score is the log-density, and the limit its quantile."""
    rows = np.concatenate([clusters(), [[7.3, -2500.0]]])
    outlier = ScoreOutlier(TINY, contamination=0.05, random_state=0).fit(rows)
    scores = ScoreDensity(TINY, random_state=0).fit(rows).score_samples(rows)
    np.testing.assert_array_equal(outlier.score_samples(rows), scores)
    np.testing.assert_array_equal(outlier.predict(rows) < 0, scores < np.quantile(scores, 0.05))
    np.testing.assert_array_equal(outlier.decision_function(rows), scores - outlier.offset_)
    assert np.sum(outlier.predict(rows) < 0) == round(0.05 * len(rows))
    assert outlier.predict(rows)[-1] == -1
    with pytest.raises(InputError, match="contamination"):
        ScoreOutlier(contamination=0.7).fit(rows)


@pytest.mark.slow  # a minute: three trainings, and two processes that compile for themselves
def test_a_trained_law_learns_noise_that_grows_in_a_pipeline_under_search() -> None:
    """Its held-out log-density is nearer the truth than that of the best law of one spread; two processes find the same."""
    random = np.random.default_rng(0)
    X = random.uniform(-2, 2, size=(900, 1))
    spread = 0.1 + 0.4 * np.abs(X[:, 0])
    y = np.sin(2 * X[:, 0]) + spread * random.normal(size=900)
    config = dataclasses.replace(
        SMALL,
        training=dataclasses.replace(SMALL.training, max_steps=800, learning_rate=3e-3, ema_decay=0.99),
        ensemble=EnsembleConfig(folds=1, starts=("gaussian",)),
        noise=NoiseConfig(candidates=(0.03,)),
    )
    law = make_pipeline(StandardScaler(), ScoreConditional(config, random_state=0))
    search = GridSearchCV(law, {"scoreconditional__max_steps": [1, 800]}, cv=2, n_jobs=2).fit(X[:600], y[:600])
    assert search.best_params_ == {"scoreconditional__max_steps": 800}
    held, truth = search.score(X[600:], y[600:]), norm(np.sin(2 * X[600:, 0]), spread[600:]).logpdf(y[600:]).mean()
    even = norm(np.sin(2 * X[600:, 0]), np.sqrt(np.mean(spread**2))).logpdf(y[600:]).mean()
    assert even < held < truth + 0.05
