"""Which columns make a row unlikely: the cells that are unlikely given the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from scorax.tables._dependent import resting_on
from scorax.tables._fitted import FittedTable
from scorax.tables._scorable import without_unseen

FEW = 0.05
"""A cell is a reason where less than this share of other rows has one that is as unlikely given the rest of its row."""


@dataclass(frozen=True, eq=False)
class Reasons:
    """Cells of some rows given all other cells of their row.

    Attributes:
        rows: their numbers.
        columns: names of the columns that a model describes.
        log_density: of each cell given the others that are there, in the units of its column; NaN where it is missing.
        share: part of other rows whose cell in the column is at most as likely given the rest of its row.
    """

    rows: Int[np.ndarray, " rows"]
    columns: tuple[str, ...]
    log_density: Float[np.ndarray, "rows columns"]
    share: Float[np.ndarray, "rows columns"]

    def of(self, k: int) -> list[tuple[str, float, float]]:
        """The reasons of row k: names, log-densities and shares of at most :data:`FEW`, the smallest share first."""
        few = np.flatnonzero(self.share[k] <= FEW)
        order = few[np.lexsort((self.log_density[k, few], self.share[k, few]))]
        return [(self.columns[j], float(self.log_density[k, j]), float(self.share[k, j])) for j in order]


def reasons(
    fitted: FittedTable,
    values: Float[np.ndarray, "n columns"],
    rows: Sequence[int],
    beside: Float[np.ndarray, "m columns"],
    *,
    draws: int = 4,
) -> Reasons:
    r"""$\log p(x_j \mid x_{-j})$ of every cell of some rows, and how often other rows have one as low.

    Densities of columns have units of their own, so a cell is compared with those of its column in other rows: the share is
    $(1 + \#\{i : s_i \le s\}) / (m + 1)$, which is small with its own probability where rows are alike. A cell that the fit never
    saw tells nothing of the others, nor does a column tell of the one that it rests on.

    Args:
        fitted: a model trained under masks.
        values: rows in all columns of the schema.
        rows: numbers of those that reasons are wanted of.
        beside: other rows, a hundred or so.
        draws: of noisy codes a row, where there are categories.

    Raises:
        InputError: the model was not trained under masks, or a row has a value that has no density.
    """
    schema = fitted.coordinates.schema
    names, places = [schema.names[j] for j in schema.free], np.asarray(rows, int)
    both = np.concatenate([values[places], beside])
    seen = without_unseen(both, schema)
    found = np.full((len(both), len(names)), np.nan)
    for k, (name, j) in enumerate(zip(names, schema.free.tolist(), strict=True)):
        above = resting_on(name, schema.differences)
        others = [own for own in names if own != name and own not in above]
        asked = np.flatnonzero(~np.isnan(both[:, j]))
        if others and len(asked):
            rest = seen.copy()
            rest[:, j] = both[:, j]
            rest[:, np.isin(schema.names, above)] = np.nan
            answer = fitted.log_prob(rest[asked], given=others, draws=draws, estimate_error=False)
            found[asked, k] = answer.value
    own, other = found[: len(places)], found[len(places) :]
    counts = np.sum(other[None] <= own[:, None], axis=1)
    share = np.where(np.isnan(own), np.nan, (1 + counts) / (1 + np.sum(~np.isnan(other), axis=0)))
    return Reasons(places, tuple(names), own, share)
