"""A training state as groups of named arrays, which a run folder keeps, and the way back."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from scorax._trees import array_spec, named_arrays, with_named_arrays
from scorax.training._state import TrainState

_TREES = ("weights", "ema", "best", "optimizer")
_PROGRESS = ("step", "best_loss", "best_step", "active", "loss", "validation_loss")


def _progress(state: TrainState) -> tuple[str, ...]:
    return _PROGRESS if state.skipped is None else (*_PROGRESS, "skipped")


Named = dict[str, dict[str, np.ndarray]]
"""Group -> name -> array."""


def state_arrays(state: TrainState) -> Named:
    """The arrays of a state by group and name, on the host."""
    groups = {name: named_arrays(tree) for name, tree in _trees(state).items()}
    return groups | {"progress": {name: np.asarray(getattr(state, name)) for name in _progress(state)}}


def state_layout(like: TrainState) -> dict[str, dict[str, tuple[tuple[int, ...], str]]]:
    """Shape and type of every array of :func:`state_arrays`."""
    groups = {name: array_spec(tree) for name, tree in _trees(like).items()}
    return groups | {"progress": array_spec({name: getattr(like, name) for name in _progress(like)})}


def with_state_arrays(like: TrainState, arrays: Mapping[str, Mapping[str, np.ndarray]], *, where: str) -> TrainState:
    """``like`` with the arrays of :func:`state_arrays`.

    Raises:
        InputError: a name, shape or type is another; ``where`` begins the message.
    """
    trees = {
        name: with_named_arrays(tree, arrays[name], where=f"{where}/{name}") for name, tree in _trees(like).items()
    }
    averages = tuple(trees.pop(_average(k)) for k in range(len(like.averages)))
    progress = {name: jnp.asarray(arrays["progress"][name]) for name in _progress(like)}
    return dataclasses.replace(like, **trees, **progress, averages=averages)


def _trees(state: TrainState) -> dict[str, PyTree]:
    """The trees of a state by group: averages of other lengths follow, as many as there are."""
    named = {name: getattr(state, name) for name in _TREES}
    return named | {_average(k): tree for k, tree in enumerate(state.averages)}


def _average(place: int) -> str:
    return f"average_{place}"
