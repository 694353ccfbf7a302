"""A fitted table on rows that took no part in its fit: densities beside baselines, generated rows beside real ones."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from scorax._errors import EnvironmentFailure, explain
from scorax._events import Event, Note, Phase
from scorax.diagnostics import MIXED_LAW, RowsBeside, compared, generated_records, held_out_records, mean_log_scale
from scorax.records import Comparison, Evaluation, Generated
from scorax.tables._axes import axis_of
from scorax.tables._cells import cells_of_rows, places_of_cells
from scorax.tables._densities import MEAN_TOLERANCE
from scorax.tables._divergences import divergence_of_means
from scorax.tables._evaluation_rows import EvaluationRows
from scorax.tables._files import load_fitted
from scorax.tables._fitted import FittedTable


def evaluate_run(
    rows: EvaluationRows,
    *,
    samples: int,
    scored: int,
    draws: int,
    seed: int,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Evaluation:
    """Everything that is known about a run on rows that took no part in its fit.

    Without the rows of the fit there are no baselines, nothing is trained on generated rows, and no copies are looked for.

    Args:
        rows: the run, and the rows.
        samples: rows to generate.
        scored: held-out rows whose log-density is computed, at most; they are drawn by the seed.
        draws: of noisy codes a row; see :func:`~scorax.likelihood.coded_log_prob`.
        seed: of all that is drawn.
        on_event: hears what is done.

    Raises:
        EnvironmentFailure: no generated row is finite.
    """
    fitted = load_fitted(rows.saved)
    on_event(Phase(f"drawing {samples} rows"))
    drawn = fitted.sample_rows(0, samples, seed)
    generated = beside(fitted, drawn, rows.held, rows.fit, target=rows.target, seed=seed, on_event=on_event)
    held = some_rows(rows.held, scored, seed)
    on_event(Phase(f"scoring {len(held)} held-out rows"))
    values = row_values(fitted, held, seed, draws)
    if rows.fit is not None:
        on_event(Phase("fitting a Gaussian copula, a mixture of product laws and a chain of boosted trees"))
    comparison = test_comparison(fitted, held, values, rows.fit, seed=seed, drawn_from=rows.count, thorough=True)
    return Evaluation(seed, draws, comparison, generated)


def beside(
    fitted: FittedTable,
    drawn: Float[np.ndarray, "k columns"],
    held: Float[np.ndarray, "m columns"],
    fit: Float[np.ndarray, "n columns"] | None,
    *,
    target: int,
    seed: int,
    max_rows: int = 20_000,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Generated:
    """Generated rows beside real ones; see :func:`~scorax.diagnostics.generated_records`."""
    schema = fitted.coordinates.schema
    finite = drawn[np.isfinite(drawn[:, schema.free]).all(axis=1)]
    if not len(finite):
        got, do = f"none of {len(drawn)}", "fit again: a model of which no row is finite has not learned the table"
        raise EnvironmentFailure(explain(expected="finite generated rows", got=got, do=do))
    if len(finite) < len(drawn):
        on_event(
            Note(f"warning: {len(drawn) - len(finite)} of {len(drawn)} generated rows are not finite and left out")
        )
    axes = [axis_of(schema.columns[j], schema.labels[j]) for j in places_of_cells(schema)]
    known = None if fit is None else cells_of_rows(schema, fit)
    rows = RowsBeside(axes, cells_of_rows(schema, finite), cells_of_rows(schema, held), known)
    return generated_records(rows, target=target, seed=seed, max_rows=max_rows, on_event=on_event)


def test_comparison(
    fitted: FittedTable,
    held: Float[np.ndarray, "m columns"],
    values: Float[np.ndarray, " m"],
    fit: Float[np.ndarray, "n columns"] | None,
    *,
    seed: int,
    drawn_from: int,
    thorough: bool,
) -> Comparison:
    """The log-densities of rows of a test file beside those of baselines that are fitted to the rows of the fit."""
    baselines, scored = {}, fitted.compared(held, seed)
    rows = scored if fit is None else fitted.compared(fit, seed)
    if fit is not None:
        baselines = compared(rows, scored, seed, thorough=thorough)
    return held_out_records(
        values,
        {name: result.values for name, result in baselines.items()},
        source="test file",
        descriptions={name: result.description for name, result in baselines.items()},
        log_scale=mean_log_scale(rows, scored),
        law=MIXED_LAW if fitted.mixed else None,
        drawn_from=drawn_from if drawn_from > len(held) else None,
    )


def some_rows(values: Float[np.ndarray, "n columns"], most: int, seed: int) -> Float[np.ndarray, "k columns"]:
    """At most so many rows, drawn by the seed, in their order."""
    if len(values) <= most:
        return values
    return values[np.sort(np.random.default_rng([seed, 3]).choice(len(values), most, replace=False))]


def row_values(
    fitted: FittedTable, values: Float[np.ndarray, "n columns"], seed: int | None, draws: int = 1
) -> Float[np.ndarray, " n"]:
    """Log-densities of rows, to the tolerance of a mean."""
    answer = fitted.log_prob(
        values,
        seed=seed,
        tolerance=MEAN_TOLERANCE,
        precision="float32",
        divergence=None if fitted.coded and draws > 1 else divergence_of_means(fitted.dimension),
        estimate_error=False,
        draws=draws,
    )
    return np.asarray(answer.value)
