"""One piece of work of the density benchmark: fit on the training rows of a split, score its test rows.

Nothing of scorax is imported with this module: the number of threads must be set before.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any

BASELINES = ("Gaussian", "KDE", "mixture")
SCORE = "ScoreDensity"


@dataclass(frozen=True)
class Task:
    """A split and what to fit on it: all baselines, or the score model with settings ``a.b=c``."""

    data: str
    seed: int
    method: str
    sets: tuple[str, ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the records that the task makes."""
        return BASELINES if self.method == "baselines" else (self.method,)


def score_method(sets: tuple[str, ...]) -> str:
    """Name of the score model under settings, in records and tables."""
    return f"{SCORE}({', '.join(sets)})" if sets else SCORE


@dataclass(frozen=True)
class Record:
    """The test rows of one split under one method.

    Attributes:
        data: name of the table.
        seed: seed of the split and of the fit.
        method: name of the method.
        values: log-density of every test row, in nats and standardised units.
        truth: mean log-density of the test rows under the true law, where it is known.
        shape: training rows, test rows, columns.
        fit_seconds: time to fit, all baselines together.
        score_seconds: time to score the test rows; the baselines' stands in ``fit_seconds``.
        note: what the fit chose.
    """

    data: str
    seed: int
    method: str
    values: list[float]
    truth: float | None
    shape: tuple[int, int, int]
    fit_seconds: float
    score_seconds: float
    note: str


def work(task: Task) -> list[dict[str, Any]]:
    """The records of a task, as JSON."""
    from _density_data import split

    rows = split(task.data, task.seed)
    began = time.perf_counter()
    if task.method == "baselines":
        from scorax.baselines import compare

        answers = {k: (b.values, b.description) for k, b in compare(rows.train, rows.test, seed=task.seed).items()}
        fitted = time.perf_counter()
    else:
        density = _fitted(task, rows.train)
        fitted = time.perf_counter()
        note = f"sigma_min {density.sigma_min_:g}, {density.n_iter_} steps"
        answers = {task.method: (density.score_samples(rows.test), note)}
    seconds = (round(fitted - began, 2), round(time.perf_counter() - fitted, 2))
    truth = None if rows.truth is None else float(rows.truth.mean())
    shape = (len(rows.train), len(rows.test), rows.train.shape[1])
    return [
        asdict(Record(task.data, task.seed, method, [round(float(v), 6) for v in values], truth, shape, *seconds, note))
        for method, (values, note) in answers.items()
    ]


def _fitted(task: Task, train: Any) -> Any:
    from scorax.spec import resolve
    from scorax.tables import FitConfig, ScoreDensity

    density = ScoreDensity(resolve(FitConfig, sets=task.sets), random_state=task.seed).fit(train)
    kinds = {column.kind for column in density.schema_.columns}
    if kinds != {"continuous"}:  # the rows carry bin noise already; more of it would be another density
        raise RuntimeError(f"{task.data}: expected continuous columns only, got {sorted(kinds)}")
    return density
