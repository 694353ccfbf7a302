"""What ``fit`` is given, looked at before anything is compiled."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import optax

from scorax._checked import require_key, require_kind, shown
from scorax._errors import explain
from scorax.models import AbstractNetworkModel
from scorax.objectives import AbstractObjective
from scorax.training._state import TrainState


def check_fit(model: Any, objective: Any, data: Any, optimizer: Any, *, key: Any) -> None:
    """Refuse a model without a network, another objective, rows that are no finite floating-point array, and no optimiser.

    Raises:
        TypeError: one of them is of another kind.
        ValueError: no rows, or rows that are not finite.
    """
    if not isinstance(model, AbstractNetworkModel):
        raise TypeError(
            explain(
                expected="a model with a network",
                got=shown(model),
                do="pass a Denoiser, a ScoreNetwork or an EnergyScore",
            )
        )
    require_kind(objective, AbstractObjective, what="objective")
    require_key(key)
    if not isinstance(optimizer, optax.GradientTransformation):
        raise TypeError(
            explain(
                expected="optimizer as an Optax transformation",
                got=shown(optimizer),
                do="pass optax.adam(1e-3), or adamw(1e-3, num_steps=...) of scorax.training",
            )
        )
    if not isinstance(data, np.ndarray | jax.Array) or not jnp.issubdtype(data.dtype, jnp.floating) or data.ndim == 0:
        raise TypeError(
            explain(
                expected="data as an array of floating-point rows, the examples on its first axis",
                got=shown(data),
                do="pass np.asarray(rows, np.float32), at unit scale",
            )
        )
    if len(data) == 0 or not bool(jnp.all(jnp.isfinite(jnp.asarray(data)))):
        raise ValueError(
            explain(
                expected="rows of finite numbers",
                got="none" if len(data) == 0 else "a row with NaN or infinity",
                do="drop or impute such rows: one of them spoils every weight or hides in the held-out rows",
            )
        )


def check_state(state: Any, like: TrainState) -> None:
    """Refuse a state to resume from whose arrays are not those of this model and optimiser.

    Raises:
        TypeError: it is no state.
        ValueError: other arrays.
    """
    require_kind(state, TrainState, what="state")
    ours, theirs = (_spec(tree) for tree in (like, state))
    if ours != theirs:
        odd = sorted(set(ours.items()) ^ set(theirs.items()))[0][0]
        raise ValueError(
            explain(
                expected=f"a state of this model and optimizer, with {odd} as {ours.get(odd, 'absent')}",
                got=f"{theirs.get(odd, 'none')}",
                do="build both as they were for the run that is resumed",
            )
        )


def _spec(tree: Any) -> dict[str, str]:
    leaves, _ = jtu.tree_flatten_with_path(eqx.filter(tree, lambda leaf: hasattr(leaf, "dtype")))
    return {jtu.keystr(path, simple=True, separator="/"): f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in leaves}
