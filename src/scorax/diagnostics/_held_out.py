"""Held-out log density of the model against the density baselines, row by row."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from scorax._deviations import deviations
from scorax._errors import InputError, explain
from scorax._mixed_rows import MixedRows
from scorax.diagnostics._plain import mean_and_error, plain
from scorax.records import Baseline, Comparison, ModelValues, Source

MIXED_LAW = (
    "log-probability of the categories and density of the numbers that are there, by the flow of the model; missing cells are "
    "summed over"
)
"""What is compared of rows with categories or missing cells."""


def mean_log_scale(rows: Float[np.ndarray, "n d"] | MixedRows, scored: Float[np.ndarray, "m d"] | MixedRows) -> float:
    """What the mean log-density of scored rows gains where every number is counted in standard deviations of ``rows``.

    It is the sum of the logarithms of these deviations, each as often as scored rows have the number.
    """
    known, asked = (own.numbers if isinstance(own, MixedRows) else own for own in (rows, scored))
    there = [column[~np.isnan(column), None] for column in known.T]
    size = np.array([deviations(column)[0] if len(column) else 0.0 for column in there])
    varying = size > 0
    return float((~np.isnan(asked[:, varying])).mean(axis=0) @ np.log(size[varying]))


def held_out_records(
    model_values: Float[np.ndarray, " n"],
    baselines: Mapping[str, Float[np.ndarray, " n"]],
    *,
    source: Source,
    descriptions: Mapping[str, str] | None = None,
    log_scale: float = 0.0,
    law: str | None = None,
    drawn_from: int | None = None,
) -> Comparison:
    r"""Mean nats per row with standard errors, and paired differences model minus baseline.

    The difference is averaged over rows, $\bar\delta \pm s_\delta / \sqrt n$, so the spread that both share cancels.
    All values are log densities in the units of the file; `log_scale` (:func:`mean_log_scale`) gives the mean in
    standardised units as well. `law` says what the values are where they are no plain
    densities, `drawn_from` how many rows there were to draw these from. Rows in no fold (NaN in a baseline) are left out,
    and so are rows where only the model failed: those are counted in `failed`, never hidden.
    """
    scored = np.all([np.isfinite(values) for values in baselines.values()], axis=0) & np.ones(len(model_values), bool)
    used = scored & np.isfinite(model_values)
    if not used.any():
        raise InputError(
            explain(
                expected="rows with a finite log density under the model and every baseline",
                got=f"none of {len(model_values)}",
                do="check the rows, and the solver settings of the likelihood",
            )
        )
    model = model_values[used]
    reference = next(iter(baselines), None)
    entries = []
    for name, values in baselines.items():
        theirs = values[used]
        mean, error = mean_and_error(theirs)
        difference, difference_error = mean_and_error(model - theirs)
        gain, gain_error = mean_and_error(theirs - baselines[str(reference)][used])
        entries.append(
            Baseline(
                name=name,
                description=(descriptions or {}).get(name, ""),
                mean=plain(mean),
                error=plain(error),
                difference=plain(difference),
                difference_error=plain(difference_error),
                rows_better=plain(np.mean(model > theirs)),
                gain=plain(gain),
                gain_error=plain(gain_error),
            )
        )
    mean, error = mean_and_error(model)
    of_model = ModelValues(
        mean=plain(mean),
        error=plain(error),
        standardised=plain(mean + log_scale),
        quantiles=plain(np.quantile(model, [0.0, 0.05, 0.5, 0.95, 1.0])),
    )
    if reference is not None:
        gain, gain_error = mean_and_error(model - baselines[reference][used])
        of_model = replace(of_model, gain=plain(gain), gain_error=plain(gain_error))
    return Comparison(
        source=source,
        rows=int(used.sum()),
        failed=int((scored & ~used).sum()),
        model=of_model,
        baselines=tuple(entries),
        reference=reference,
        best=max(entries, key=lambda entry: entry.mean).name if entries else None,
        law=law,
        drawn_from=drawn_from,
    )
