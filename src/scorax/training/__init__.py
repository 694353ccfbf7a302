"""Training: state, optimiser, validation and the generator that runs them."""

from scorax.training._averages import PowerAverages, Snapshot, post_hoc_average
from scorax.training._fit import fit, initial_state
from scorax.training._named import state_arrays, state_layout, with_state_arrays
from scorax.training._optimizer import adamw, learning_rates
from scorax.training._options import FitOptions, Nan
from scorax.training._rows import AbstractRows, Examples, Rows
from scorax.training._state import TrainState, member_axis, trained_arrays, with_trained_arrays
from scorax.training._validation import FixedDraws, Validation, draws_loss

__all__ = [
    "AbstractRows",
    "Examples",
    "FitOptions",
    "FixedDraws",
    "Nan",
    "PowerAverages",
    "Rows",
    "Snapshot",
    "TrainState",
    "Validation",
    "adamw",
    "draws_loss",
    "fit",
    "initial_state",
    "learning_rates",
    "member_axis",
    "post_hoc_average",
    "state_arrays",
    "state_layout",
    "trained_arrays",
    "with_state_arrays",
    "with_trained_arrays",
]
