"""Tables beyond the columns up to which the divergence is exact: fitted, sampled and scored like others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from scorax import ScoreDensity
from scorax.data import Table
from scorax.likelihood import EXACT_UP_TO
from scorax.tables import FitRows, fit_run
from tiny import TINY

COLUMNS = EXACT_UP_TO + 20

# One member that learns nothing is the Gaussian it starts from, whose log-density is known.
STILL = replace(
    TINY,
    training=replace(TINY.training, learning_rate=1e-12),
    ensemble=replace(TINY.ensemble, folds=1),
    noise=replace(TINY.noise, candidates=(0.1, 0.3)),
)


def wide_rows() -> np.ndarray:
    """Half of the columns are continuous and hang together, the others yes or no."""
    generator = np.random.default_rng(0)
    factors = generator.normal(size=(40, 2)) @ generator.normal(size=(2, COLUMNS // 2))
    flags = generator.random(size=(40, COLUMNS // 2)) < 0.4
    return np.concatenate([factors + 0.5 * generator.normal(size=factors.shape), flags], axis=1)


@pytest.mark.slow  # a whole fit of a wide table, fourteen seconds; CI runs it
def test_a_wide_table_goes_all_the_way(tmp_path: Path) -> None:
    rows = wide_rows()
    fit = fit_run(FitRows(Table.of(rows), holdout=0.25), tmp_path / "run", STILL, seed=0)
    assert np.isfinite(fit.held_out_nats)
    assert (tmp_path / "run" / "records" / "held_out.json").exists()
    density = ScoreDensity.load(tmp_path / "run")
    drawn = density.sample(20, random_state=0)
    np.testing.assert_array_equal(drawn[:, COLUMNS // 2 :], np.round(drawn[:, COLUMNS // 2 :]))

    answer = density.log_prob(rows)
    fitted = density.fitted_
    states = fitted.coordinates.states(rows, 0)
    z = states.z
    law = fitted.blueprint.starts.numbers.components
    basis, variances = (np.asarray(leaf, np.float64)[0, 0] for leaf in (law.basis, law.variances))
    blurred = (basis * (variances + fit.choice.sigma_min**2)) @ basis.T
    truth = multivariate_normal(np.asarray(law.mean, np.float64)[0, 0], blurred).logpdf(z)
    gap = answer.value - states.log_weight - truth
    assert np.all(np.asarray(answer.probes) > 1)
    # Rows have probes of their own, so their errors are independent: Student's t with 39 degrees beyond five, p = 1e-5.
    assert abs(gap.mean()) < 5 * gap.std(ddof=1) / np.sqrt(len(gap)) + 1e-3
    assert 0.5 < np.sqrt(np.mean(gap**2) / np.mean(np.square(answer.trace_error))) < 2
    assert np.sqrt(np.mean(gap**2)) < 0.2 * np.sqrt(COLUMNS / 2)
