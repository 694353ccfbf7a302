"""The process that does nothing: objectives on clean data."""

from jaxtyping import Array, Float

from scorax._types import Key
from scorax.processes._abstract import AbstractProcess


class Clean(AbstractProcess):
    """No noise: the law is that of the data at every time, and the clock [0, 1] carries no meaning.

    It is the process of Hyvarinen's objectives (explicit, implicit and sliced score matching on the data themselves) and of
    Langevin dynamics. There is no noise to reverse: samplers that walk back in time and ``log_prob`` refuse it by name.
    """

    t0: float = 0.0
    t1: float = 1.0

    def perturb(self, t: Float[Array, ""], x0: Float[Array, "*shape"], *, key: Key) -> Float[Array, "*shape"]:
        return x0
