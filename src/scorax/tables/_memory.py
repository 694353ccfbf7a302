"""What an estimator remembers beside its model, in ``estimator.json``: constructor parameters, names and kind of ``X``."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from scorax.spec import Range
from scorax.tables._config import FitConfig, Folds, Steps
from scorax.tables._frames import Frame

_OF_SOME = ("method", "n_draws", "bootstrap", "classes")
"""Parameters that not every estimator has."""


@dataclass(frozen=True)
class GeneratorState:
    """State of NumPy's ``RandomState``, which is always a Mersenne Twister when scikit-learn makes it.

    Attributes:
        key: its 624 words.
        pos: how many of them are used.
        has_gauss: whether a normal number waits.
        gauss: that number.
    """

    key: tuple[Annotated[int, Range(0, 2**32 - 1)], ...]
    pos: Annotated[int, Range(0, 624)]
    has_gauss: Annotated[int, Range(0, 1)]
    gauss: float

    def __post_init__(self) -> None:
        if len(self.key) != 624:
            raise ValueError(f"expected 624 words, got {len(self.key)}")

    @staticmethod
    def of(generator: np.random.RandomState) -> "GeneratorState":
        """The state of a generator."""
        _, key, *others = generator.get_state(legacy=True)
        return GeneratorState(tuple(np.asarray(key).tolist()), *others)  # type: ignore[arg-type]

    def generator(self) -> np.random.RandomState:
        """A generator in this state."""
        found = np.random.RandomState()
        found.set_state(("MT19937", np.array(self.key, np.uint32), self.pos, self.has_gauss, self.gauss))
        return found


@dataclass(frozen=True)
class Memory:
    """Parameters of an estimator of a table and what it saw, as far as they are not the model's.

    Attributes:
        config: parameter.
        folds: parameter.
        max_steps: parameter.
        seed: the parameter ``random_state`` where it is an integer.
        generator: the same where it is a generator.
        verbose: parameter.
        named: whether the columns had names.
        frame: kind of ``X`` where it was a data frame.
        method: parameter of those that have it.
        n_draws: parameter of those that have it.
        bootstrap: parameter of those that have it.
        classes: parameter of those that have it.
    """

    config: FitConfig | None
    folds: Folds | None
    max_steps: Steps | None
    seed: int | None
    generator: GeneratorState | None
    verbose: int
    named: bool
    frame: Frame | None
    method: str | None = None
    n_draws: int | None = None
    bootstrap: bool | None = None
    classes: bool | None = None

    @staticmethod
    def of(parameters: dict[str, Any], *, named: bool, frame: Frame | None) -> "Memory":
        """The memory of an estimator with these parameters."""
        state = parameters["random_state"]
        drawn = isinstance(state, np.random.RandomState)
        return Memory(
            config=parameters["config"],
            folds=_integer(parameters["folds"]),
            max_steps=_integer(parameters["max_steps"]),
            seed=None if drawn else _integer(state),
            generator=GeneratorState.of(state) if drawn else None,
            verbose=int(parameters["verbose"]),
            named=named,
            frame=frame,
            method=parameters.get("method"),
            n_draws=_integer(parameters.get("n_draws")),
            bootstrap=_truth(parameters.get("bootstrap")),
            classes=_truth(parameters.get("classes")),
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The constructor's parameters."""
        return {
            "config": self.config,
            "folds": self.folds,
            "max_steps": self.max_steps,
            "random_state": self.seed if self.generator is None else self.generator.generator(),
            "verbose": self.verbose,
        } | {name: value for name in _OF_SOME if (value := getattr(self, name)) is not None}


def _integer(value: Any) -> int | None:
    return None if value is None else int(value)


def _truth(value: Any) -> bool | None:
    return None if value is None else bool(value)
