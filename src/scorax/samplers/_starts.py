"""Where a sampler begins: a draw of its law at ``t1``, or states that are given."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_kind, require_shape, shown
from scorax._errors import explain


@dataclass(frozen=True)
class Terminal:
    """A draw of the law at ``t1`` in the shape of an example, which the process and the moments of a model may not say.

    Moments are those of flat rows: of an image they say the size alone.

    Args:
        shape: shape of one draw.
    """

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", require_shape(self.shape))


@dataclass(frozen=True)
class States:
    """States that are given, at ``t1`` or at an earlier time.

    With ``x`` data noised to a time ``t`` by ``process.perturb`` the draws are edits of them, the closer to them the smaller
    ``t`` (SDEdit). A sampler takes its number of steps from there to ``t0``, on a grid that begins at ``t``.

    Args:
        x: states, with a leading axis of 1 or of the number of rows.
        t: their time; where it is ``None`` that at which the sampler begins, ``t1``. The chains :class:`Langevin` and
            :class:`MetropolisLangevin` stay at ``t0`` and know no other.

    Raises:
        TypeError: ``x`` is no array of floating-point numbers with a leading axis.

    Reference: Meng et al. (2022), *SDEdit: Guided image synthesis and editing with stochastic differential equations*,
    algorithm 1.
    """

    x: Float[Array, "rows *shape"]
    t: float | None = None

    def __post_init__(self) -> None:
        require_kind(self.t, float | None, what="t of States")
        x = jnp.asarray(self.x)
        if x.ndim == 0 or not jnp.issubdtype(x.dtype, jnp.floating):
            raise TypeError(
                explain(
                    expected="states of floating-point numbers with a leading axis",
                    got=shown(self.x),
                    do="pass x[None] for one state, and convert whole numbers",
                )
            )
        object.__setattr__(self, "x", x)
