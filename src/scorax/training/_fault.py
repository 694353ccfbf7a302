"""What of a training is not finite, found between its compiled calls."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float

from scorax._errors import DivergedError, Fault
from scorax.data import RowOrder
from scorax.training._state import TrainState
from scorax.training._steps import Finite, Watch

_QUANTITIES = ("", "a loss", "a gradient")


def raise_fault(watch: Watch, finite: Finite, step: int, orders: Sequence[RowOrder]) -> None:
    """Raise what was seen in the steps of a call, or else at its end, after ``step`` steps.

    Raises:
        DivergedError: a member was given up, or a number of the state is not finite.
    """
    faults = np.asarray(watch.fault)
    if faults.any():
        member = int(np.flatnonzero(faults)[0])
        at = int(watch.step[member])
        fault = Fault(
            _QUANTITIES[faults[member]],
            at,
            float(watch.norm[member]),
            int(watch.in_a_row[member]),
            member if len(faults) > 1 else None,
            tuple(orders[member].batch(at).tolist()),
        )
        raise DivergedError(fault.line(), fault)
    whole = (finite.weights, finite.averages, finite.optimizer)
    for name, good in zip(("a weight", "an average of the weights", "a number of the optimiser"), whole, strict=True):
        if not bool(good):
            fault = Fault(name, step - 1)
            raise DivergedError(fault.line(), fault)


def raise_held_out(values: Float[Array, " members"], state: TrainState) -> None:
    """Raise the loss of held-out rows that is not finite, of a member that trains.

    Raises:
        DivergedError: there is one.
    """
    bad = np.flatnonzero(np.asarray(state.active) & ~np.isfinite(np.asarray(values)))
    if len(bad):
        fault = Fault("a held-out loss", int(state.step), member=int(bad[0]) if len(values) > 1 else None)
        raise DivergedError(fault.line(), fault)
