"""Training: state, optimiser, validation and the generator that runs them."""

from scorax.training._fit import fit
from scorax.training._optimizer import adamw
from scorax.training._state import TrainState, member_axis
from scorax.training._validation import FixedDraws, Validation, draws_loss

__all__ = ["FixedDraws", "TrainState", "Validation", "adamw", "draws_loss", "fit", "member_axis"]
