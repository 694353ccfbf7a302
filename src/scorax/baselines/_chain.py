"""A chain of boosted trees: each column by a classifier that has seen the columns before it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from scorax._mixed_rows import MixedRows, level_counts, smoothed_shares
from scorax.baselines._mixed import RowShape, require_enough, validation_split
from scorax.baselines._number_bins import NumberBins

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

_SHARES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Shares of the column's own law in each link that are tried."""
_LEARNING_RATE = 0.1
_MOST_TREES = 30_000
_LEAST_ROUNDS = 8
_AT_A_TIME = 10
"""Rounds that are added before the held rows are looked at: those of a link end where the last ones brought nothing."""
_LEAST_ROWS = 2000
_ROWS_A_BIN = 25
_FEWEST_BINS = 4
_MOST_CATEGORIES = 254
"""Levels up to which scikit-learn's trees take as categories; others are taken as numbers."""


@contextmanager
def many_classes_are_fine() -> Iterator[None]:
    """Without scikit-learn's warning of more classes than half of the rows, which asks whether they are numbers.

    They are levels. As with :func:`unfinished_is_fine`, who fits chains beside other work enters this around both.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
        yield


class ChainBaseline:
    r"""A chain of boosted trees: $P = \prod_j P(c_j \mid c_1, ..., c_{j-1})$, levels first, then the numbers.

    Every link is a `HistGradientBoostingClassifier` mixed with the shares (n_k + 1/2) / (n + K/2) of the column; its number
    of rounds and that share are chosen by a fifth of the rows. A number is a class of `num_bins` quantile bins at most, with 25
    rows each, uniform inside (a value that fills a bin has one of its own where cells are known) and exponential beyond the
    ends. Of a quantity with more than `max_classes` levels the rarer ones are one class, divided by their shares. `max_work`
    bounds rounds x classes x columns before x rows by taking fewer rows, not under 2,000; its default is about a minute on one
    core.

    Use it for laws of many levels and rules between columns; densities of smooth numbers suffer from the bins.
    """

    name = "boosted chain"
    description = "chain of boosted trees"

    def __init__(
        self, *, num_bins: int = 24, max_classes: int = 40, max_rounds: int = 60, max_work: float = 1.5e9
    ) -> None:
        self.num_bins = num_bins
        self.max_classes = max_classes
        self.max_rounds = max_rounds
        self.max_work = max_work

    def fit(self, rows: MixedRows, *, seed: int) -> "ChainBaseline":
        """Fit link after link."""
        require_enough(rows)
        self._rounds, most = self._budget(rows)
        rows = rows.cut(most, np.random.default_rng(seed))
        self._shape = RowShape.of(rows)
        bins = min(self.num_bins, max(_FEWEST_BINS, len(rows) // _ROWS_A_BIN))
        self._bins = [
            NumberBins.of(x[np.isfinite(x)], width, bins) if np.isfinite(x).any() else None
            for x, width in zip(rows.numbers.T, rows.cell_widths, strict=True)
        ]
        part, held = validation_split(rows, seed)
        with many_classes_are_fine():
            self._links = [self._link(part, held, rows, place, seed) for place in range(self._columns)]
        rounds = [link.rounds for link in self._links]
        self.description = f"{min(rounds)} to {max(rounds)} rounds, at most {bins} bins, {len(rows)} rows"
        return self

    def log_prob(self, rows: MixedRows) -> Float[np.ndarray, " n"]:
        """Exact log-probability of each row."""
        total = np.zeros(len(rows))
        features = self._features(rows)
        for place, link in enumerate(self._links):
            levels, within = self._column(rows, place)
            there = levels >= 0
            total[there] += (
                within[there] + np.log(link.shares(features[there, :place]))[np.arange(int(there.sum())), levels[there]]
            )
        return total

    def sample(self, n: int, *, seed: int) -> MixedRows:
        """Draws column by column."""
        generator = np.random.default_rng(seed)
        discrete = len(self._shape.num_levels)
        levels, numbers = np.empty((n, discrete), int), np.full((n, len(self._bins)), np.nan)
        features = np.empty((n, 0))
        for place, link in enumerate(self._links):
            ends = link.shares(features).cumsum(axis=1)
            drawn = (generator.uniform(size=n)[:, None] * ends[:, -1:] >= ends).sum(axis=1)
            if place < discrete:
                levels[:, place] = drawn
            elif (bins := self._bins[place - discrete]) is not None:
                numbers[:, place - discrete] = bins.draw(drawn, generator)
            so_far = self._shape.rows(numbers, np.where(np.arange(discrete) <= place, levels, 0))
            features = self._features(so_far)[:, : place + 1]
        return self._shape.rows(numbers, levels)

    def _budget(self, rows: MixedRows) -> tuple[int, int]:
        """Rounds and rows within `max_work`: every class of a column has a tree in every round, over all columns before it."""
        classes = [min(k, self.max_classes) for k in rows.num_levels] + [self.num_bins + 2] * rows.numbers.shape[1]
        rounds = min(self.max_rounds, max(_LEAST_ROUNDS, _MOST_TREES // max(sum(classes), 1)))
        work = rounds * sum(place * count for place, count in enumerate(classes))
        return rounds, max(_LEAST_ROWS, int(self.max_work / max(work, 1)))

    @property
    def _columns(self) -> int:
        return len(self._shape.num_levels) + len(self._bins)

    def _features(self, rows: MixedRows) -> np.ndarray:
        """All columns as the trees see them, levels first; what is missing is NaN."""
        return np.column_stack([np.where(rows.levels < 0, np.nan, rows.levels), rows.numbers])

    def _column(self, rows: MixedRows, place: int) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Levels of a column, -1 where there is nothing, and the log-density within the level."""
        discrete = len(self._shape.num_levels)
        if place < discrete:
            return rows.levels[:, place], np.zeros(len(rows))
        x, bins = rows.numbers[:, place - discrete], self._bins[place - discrete]
        levels, within = np.full(len(x), -1), np.zeros(len(x))
        there = np.isfinite(x) & (bins is not None)
        if bins is not None:
            levels[there] = bins.levels(x[there])
            within[there] = bins.log_density(x[there], levels[there])
        return levels, within

    def _link(self, part: MixedRows, held: MixedRows, rows: MixedRows, place: int, seed: int) -> "_Link":
        """The link of a column: rounds and share chosen on `held`, then fitted to all rows."""
        discrete = len(self._shape.num_levels)
        bins = None if place < discrete else self._bins[place - discrete]
        size = self._shape.num_levels[place] if place < discrete else (bins.num_levels if bins is not None else 1)
        targets = [self._column(r, place)[0] for r in (part, held, rows)]
        features = [self._features(r)[:, :place] for r in (part, held, rows)]
        (part_x, held_x, all_x), (part_y, held_y, all_y) = (
            [x[y >= 0] for x, y in zip(features, targets, strict=True)],
            [y[y >= 0] for y in targets],
        )
        counts = level_counts(all_y, size)
        plain = _Link(smoothed_shares(counts), np.arange(size), None, 1.0, 0)
        classes = _classes(counts, self.max_classes)
        if place == 0 or len(np.unique(classes[part_y])) < 2 or not len(held_y):
            return plain
        categories = [j for j in range(min(place, discrete)) if self._shape.num_levels[j] <= _MOST_CATEGORIES]

        places: Any = categories or None
        never: Any = False  # the rounds are chosen below, by log-probability

        def boosted(rounds: int, **settings: Any) -> "HistGradientBoostingClassifier":
            from sklearn.ensemble import HistGradientBoostingClassifier

            return HistGradientBoostingClassifier(
                learning_rate=_LEARNING_RATE,
                max_iter=rounds,
                max_leaf_nodes=15,
                l2_regularization=1.0,
                categorical_features=places,
                early_stopping=never,
                random_state=seed,
                **settings,
            )

        own = smoothed_shares(level_counts(part_y, size))
        best, trees = (np.log(own[held_y]).mean(), 0, 1.0), boosted(0, warm_start=True)
        for start in range(0, self._rounds, _AT_A_TIME):
            trees.set_params(max_iter=min(start + _AT_A_TIME, self._rounds)).fit(part_x, classes[part_y])
            for rounds, shares in enumerate(trees.staged_predict_proba(held_x), start=1):
                link = _Link(own, classes, trees, 0.0, rounds)
                of_held = link.spread(shares)[np.arange(len(held_y)), held_y]
                for share in _SHARES[:-1] if rounds > start else ():
                    value = np.log((1 - share) * of_held + share * own[held_y]).mean()
                    best = max(best, (value, rounds, share))
            if best[1] <= start:
                break
        _, rounds, share = best
        if not rounds:
            return plain
        return _Link(plain.own, classes, boosted(rounds).fit(all_x, classes[all_y]), share, rounds)


@dataclass(frozen=True)
class _Link:
    """Shares of the levels of a column given the columns before it.

    Attributes:
        own: shares of the column by itself.
        classes: the class of each level.
        trees: the classifier, or None where the column's own shares are all there is.
        share: share of `own`.
        rounds: of the boosting.
    """

    own: np.ndarray
    classes: np.ndarray
    trees: "HistGradientBoostingClassifier | None"
    share: float
    rounds: int

    def shares(self, features: np.ndarray) -> np.ndarray:
        """(n, K)."""
        if self.trees is None or not len(features):
            return np.broadcast_to(self.own, (len(features), len(self.own)))
        return (1 - self.share) * self.spread(self.trees.predict_proba(features)) + self.share * self.own

    def spread(self, of_classes: np.ndarray) -> np.ndarray:
        """Shares of the classes that the trees know as shares of all levels: a class is divided by the levels' own shares."""
        assert self.trees is not None
        per_class = np.zeros((len(of_classes), self.classes.max() + 1))
        per_class[:, np.asarray(self.trees.classes_, int)] = of_classes
        mass = np.bincount(self.classes, weights=self.own)
        return per_class[:, self.classes] * (self.own / mass[self.classes])


def _classes(counts: np.ndarray, most: int) -> np.ndarray:
    """The class of each level: its own, or the last one which the rarer levels share."""
    common = np.sort(np.argsort(-counts, kind="stable")[: most - 1]) if len(counts) > most else np.arange(len(counts))
    classes = np.full(len(counts), len(common))
    classes[common] = np.arange(len(common))
    return classes
