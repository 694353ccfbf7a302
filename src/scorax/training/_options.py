"""How a fit goes, beside what it trains and on which rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jax.sharding import Mesh

from scorax._checked import require_count, require_kind, shown
from scorax._equal_parts import unequal_parts
from scorax._errors import explain
from scorax.training._averages import PowerAverages
from scorax.training._validation import Validation

Nan = Literal["stop", "skip"]
"""What becomes of a step whose loss or gradient is not finite."""

MOST_SKIPPED = 5
"""Most steps in a row that are skipped."""


@dataclass(frozen=True, eq=False)
class FitOptions:
    """How :func:`fit` goes.

    Attributes:
        batch_size: rows per step and member.
        every: steps from one yielded state to the next; by default as many as take about half a second, at most 100, and a
            divisor of ``validation.every``; one where a state has a grid, since a loop slows convolutions on CPU. Validations
            fall on the first state that is at their step or after it.
        ema_decay: decay of the average of the weights after its warm-up.
        validation: held-out rows, and the stop they decide; without it all steps are trained.
        member_rows: numbers of the rows each member trains on; by default all rows for every member.
        averages: averages of any length, to be chosen after the training; none by default.
        accumulate: parts of a batch whose gradients are taken one after the other and averaged, for one step of the optimiser:
            the same update to rounding, in the memory of a part. On CPU convolutions are slow inside the loop over parts.
        nan: what becomes of a step whose loss or gradient is not finite: ``"stop"`` ends the training with its error; ``"skip"``
            leaves the state as it was, counts the step, and ends the training at the sixth in a row.
        mesh: device mesh with the one axis ``data``, over which the rows of a batch are shared out; by default the first device
            alone.

    Raises:
        TypeError: a field is of another kind.
        ValueError: a number below its least, a decay outside [0, 1), a mesh with other axes, or a batch that its devices or its
            parts cannot share evenly.
    """

    batch_size: int = 256
    every: int | None = None
    ema_decay: float = 0.999
    validation: Validation | None = None
    member_rows: Sequence[np.ndarray] | None = None
    mesh: Mesh | None = None
    averages: PowerAverages | None = None
    accumulate: int = 1
    nan: Nan = "stop"

    def __post_init__(self) -> None:
        for name in ("batch_size", "every", "accumulate"):
            if name != "every" or self.every is not None:
                object.__setattr__(self, name, require_count(getattr(self, name), f"{name} of FitOptions"))
        require_kind(self.ema_decay, float, what="ema_decay of FitOptions")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(
                explain(expected="ema_decay in [0, 1)", got=f"{self.ema_decay}", do="pass 0.999; 0 averages nothing")
            )
        if self.nan not in get_args(Nan):
            raise ValueError(explain(expected="nan as 'stop' or 'skip'", got=shown(self.nan), do="leave it at 'stop'"))
        require_kind(self.validation, Validation | None, what="validation of FitOptions")
        require_kind(self.averages, PowerAverages | None, what="averages of FitOptions")
        if self.mesh is not None:
            self._check_mesh(self.mesh)
        refusal = unequal_parts(self.batch_size, 1 if self.mesh is None else self.mesh.size, self.accumulate)
        if refusal is not None:
            raise ValueError(refusal)

    @property
    def most_skipped(self) -> int:
        """Most steps in a row that are skipped."""
        return MOST_SKIPPED if self.nan == "skip" else 0

    def _check_mesh(self, mesh: Mesh) -> None:
        if not isinstance(mesh, Mesh) or mesh.axis_names != ("data",):
            raise ValueError(
                explain(
                    expected="a mesh with the one axis 'data'",
                    got=f"axes {mesh.axis_names}" if isinstance(mesh, Mesh) else type(mesh).__name__,
                    do="pass jax.make_mesh((jax.device_count(),), ('data',))",
                )
            )
