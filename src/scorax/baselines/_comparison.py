"""All density baselines on the same rows: fitted once and tested, or out of fold."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from scorax._errors import InputError, explain
from scorax._mixed_rows import MixedRows
from scorax.baselines._chain import ChainBaseline
from scorax.baselines._copula import CopulaBaseline
from scorax.baselines._gaussian_and_kernel import GaussianBaseline, KernelBaseline
from scorax.baselines._mixed import MixedBaseline
from scorax.baselines._mixture import MixtureBaseline
from scorax.baselines._product_mixture import ProductMixtureBaseline
from scorax.baselines._standardised import DensityBaseline

_QUICK_ROWS, _QUICK_WORK = 4000, 1.5e8
"""Rows of the mixture and work of the chain where they shall take seconds."""
MOST_CHAIN_COLUMNS = 60
"""Columns up to which `compare_mixed` fits a chain of boosted trees."""


@dataclass(frozen=True)
class BaselineValues:
    """Log density, of mixed rows log-probability, per row of one baseline.

    In nats and in the units of the rows; NaN where a row is in no fold.
    """

    values: Float[np.ndarray, " n"]
    description: str


def compare(train: Float[np.ndarray, "n d"], test: Float[np.ndarray, "m d"], *, seed: int) -> dict[str, BaselineValues]:
    """Fit every baseline on `train` and score `test`; both must be rows of the same (dequantised) table."""
    makers: tuple[Callable[[], DensityBaseline], ...] = (GaussianBaseline, KernelBaseline, MixtureBaseline)
    # One thread: the matrices are small, and on a busy machine waiting threads cost ten times what they save.
    with threadpool_limits(1):
        fitted = [make().fit(train, seed=seed) for make in makers]
    return {b.name: BaselineValues(b.log_density(test), b.description) for b in fitted}


def compare_mixed(train: MixedRows, test: MixedRows, *, seed: int, quick: bool = False) -> dict[str, BaselineValues]:
    """Fit every baseline of mixed rows on `train` and score `test`: all have the same support, smoothing and units.

    Tables of more than 60 columns go without the chain, whose time grows with their square. `quick` fits the mixture to 4,000
    rows at most and the chain to fewer, which takes a quarter of a minute in place of one or two, and makes both weaker.
    """
    train.require_same_columns(test)
    with threadpool_limits(1):
        fitted = [make().fit(train, seed=seed) for make in _of_mixed(train, quick=quick)]
        return {b.name: BaselineValues(b.log_prob(test) + test.masses, b.description) for b in fitted}


def compare_folds(
    x: Float[np.ndarray, "n d"] | MixedRows, folds: Int[np.ndarray, " n"], *, seed: int
) -> dict[str, BaselineValues]:
    """Score each row by baselines fitted on the rows of all other folds.

    `folds` gives the fold of each row, 0 or more; rows with a negative fold are fitted on always and get NaN.
    Settings are chosen anew inside each outer fold, on its training rows only. The mixture of Gaussians does it on its small
    grid, because this costs one search a fold, and baselines of mixed rows are the quick ones.
    """
    labels = np.unique(folds[folds >= 0])
    if len(folds) != len(x) or len(labels) < 1:
        raise InputError(
            explain(
                expected=f"a fold for each of the {len(x)} rows, and one of 0 or more",
                got=f"{len(folds)} entries, {len(labels)} folds",
                do="pass the fold assignment the model was trained with",
            )
        )
    each = _mixed_fold(x, seed) if isinstance(x, MixedRows) else _fold(x, seed)
    results = {}
    for name, score in each.items():
        values, descriptions = np.full(len(x), np.nan), []
        for label in labels:
            with threadpool_limits(1):
                own = score(np.flatnonzero(folds != label), np.flatnonzero(folds == label))
            values[folds == label] = own.values
            descriptions.append(own.description)
        results[name] = BaselineValues(values, f"fold {labels[0]}: {descriptions[0]}")
    return results


_Score = Callable[[Int[np.ndarray, " a"], Int[np.ndarray, " b"]], BaselineValues]
"""Rows to fit on and rows to score, by their places."""


def _fold(x: Float[np.ndarray, "n d"], seed: int) -> dict[str, _Score]:
    makers: tuple[Callable[[], DensityBaseline], ...] = (
        GaussianBaseline,
        KernelBaseline,
        lambda: MixtureBaseline(grid="small"),
    )

    def score(make: Callable[[], DensityBaseline], fit: np.ndarray, asked: np.ndarray) -> BaselineValues:
        baseline = make().fit(x[fit], seed=seed)
        return BaselineValues(baseline.log_density(x[asked]), baseline.description)

    return {make().name: partial(score, make) for make in makers}


def _mixed_fold(x: MixedRows, seed: int) -> dict[str, _Score]:
    def score(make: Callable[[], MixedBaseline], fit: np.ndarray, asked: np.ndarray) -> BaselineValues:
        baseline = make().fit(x.take(fit), seed=seed)
        rows = x.take(asked)
        return BaselineValues(baseline.log_prob(rows) + rows.masses, baseline.description)

    return {make().name: partial(score, make) for make in _of_mixed(x, quick=True)}


def _of_mixed(rows: MixedRows, *, quick: bool) -> list[Callable[[], MixedBaseline]]:
    """The baselines of rows like these, not fitted."""
    found: list[Callable[[], MixedBaseline]] = [CopulaBaseline]
    found.append(partial(ProductMixtureBaseline, max_rows=_QUICK_ROWS) if quick else ProductMixtureBaseline)
    if rows.numbers.shape[1] + len(rows.num_levels) <= MOST_CHAIN_COLUMNS:
        found.append(partial(ChainBaseline, max_work=_QUICK_WORK) if quick else ChainBaseline)
    return found
