"""Train on synthetic rows, test on real ones."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from scorax._errors import InputError, explain
from scorax._mixed_rows import MixedRows

_MOST_CATEGORIES = 254
_LEAST_ROWS = 20


@dataclass(frozen=True)
class Utility:
    """What generated rows are worth for predicting a column of real ones.

    Attributes:
        measure: accuracy where the column is discrete, else R2, one less the squared error over the variance.
        real: of boosted trees trained on real rows.
        synthetic: of the same trained on as many generated rows.
        standard_error: of the difference of the two over the test rows, the trained trees given.
        rows: test rows.
    """

    measure: Literal["accuracy", "R2"]
    real: float
    synthetic: float
    standard_error: float
    rows: int

    @property
    def sentence(self) -> str:
        """What was found, for a reader."""
        return (
            f"Boosted trees trained on generated rows reach {self.measure} {self.synthetic:.3f} on {self.rows} real rows, "
            f"trained on as many real rows {self.real:.3f} (difference {self.synthetic - self.real:+.3f}, "
            f"standard error {self.standard_error:.3f})."
        )


def train_on_synthetic(
    train: MixedRows, synthetic: MixedRows, test: MixedRows, column: int, *, seed: int = 0, max_rows: int = 20_000
) -> Utility:
    """Predict `column` of `test` from its other columns by boosted trees, trained on `train` and on as many of `synthetic`.

    Columns are counted numbers first, then levels. Rows where the column is missing are left out on all sides.

    Raises:
        InputError: rows of another table, no such column, or fewer than 20 rows with it.
    """
    train.require_same_columns(synthetic)
    train.require_same_columns(test)
    d = train.numbers.shape[1]
    if not 0 <= column < d + len(train.num_levels):
        expected = f"a column from 0 to {d + len(train.num_levels) - 1}"
        raise InputError(explain(expected=expected, got=f"{column}", do="count the numbers first, then the levels"))
    generator = np.random.default_rng(seed)
    parts = [_with(rows, column) for rows in (train, synthetic, test)]
    size = min(len(parts[0]), len(parts[1]), max_rows)
    if min(size, len(parts[2])) < _LEAST_ROWS:
        got = ", ".join(str(len(part)) for part in parts)
        raise InputError(explain(expected=f"{_LEAST_ROWS} rows with the column", got=got, do="take another column"))
    features, truth = _split(parts[2], column)
    predictions = []
    with threadpool_limits(1):
        for part in parts[:2]:
            x, y = _split(part.cut(size, generator), column)
            predictions.append(_predicted(x, y, features, train, column, seed))
    if column < d:
        losses = [(prediction - truth) ** 2 for prediction in predictions]
        unit = float(((truth - truth.mean()) ** 2).mean()) or 1.0
        values = [1 - float(loss.mean()) / unit for loss in losses]
        measure = "R2"
    else:
        losses, unit = [(prediction != truth).astype(float) for prediction in predictions], 1.0
        values = [1 - float(loss.mean()) for loss in losses]
        measure = "accuracy"
    error = float((losses[0] - losses[1]).std(ddof=1) / np.sqrt(len(truth))) / unit
    return Utility(measure, values[0], values[1], error, len(truth))


def _with(rows: MixedRows, column: int) -> MixedRows:
    d = rows.numbers.shape[1]
    there = np.isfinite(rows.numbers[:, column]) if column < d else rows.levels[:, column - d] >= 0
    return rows.take(np.flatnonzero(there))


def _split(rows: MixedRows, column: int) -> tuple[np.ndarray, np.ndarray]:
    """All other columns and this one."""
    all_columns = np.column_stack([rows.numbers, np.where(rows.levels < 0, np.nan, rows.levels)])
    return np.delete(all_columns, column, axis=1), all_columns[:, column]


def _predicted(x: np.ndarray, y: np.ndarray, asked: np.ndarray, rows: MixedRows, column: int, seed: int) -> np.ndarray:
    if x.shape[1] == 0 or len(np.unique(y)) == 1:
        return np.full(len(asked), y.mean() if column < rows.numbers.shape[1] else np.bincount(y.astype(int)).argmax())
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    few = [k <= _MOST_CATEGORIES and not o for k, o in zip(rows.num_levels, rows.orders, strict=True)]
    categories = np.delete([False] * rows.numbers.shape[1] + few, column)
    options: Any = np.flatnonzero(categories).tolist() or None
    made = HistGradientBoostingRegressor if column < rows.numbers.shape[1] else HistGradientBoostingClassifier
    never: Any = False  # its own held rows are stratified, which a class of one row makes impossible
    model = made(categorical_features=options, early_stopping=never, random_state=seed)
    return np.asarray(model.fit(x, y).predict(asked))
