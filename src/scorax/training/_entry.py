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
from scorax._trees import all_finite
from scorax.models import AbstractNetworkModel, process_ends
from scorax.objectives import AbstractObjective
from scorax.training._options import FitOptions
from scorax.training._state import TrainState, trained_arrays


def check_fit(model: Any, objective: Any, optimizer: Any, *, key: Any) -> None:
    """Refuse a model without a network or with nothing to train, another objective, no optimiser, no key, and a process that
    contradicts itself.

    Raises:
        TypeError: one of them is of another kind, or the network has nothing to train.
        ValueError: the process has no log-ratio that its ``time_of`` inverts.
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
    if not jax.tree.leaves(trained_arrays(model)):
        raise TypeError(
            explain(
                expected="a network with arrays of floating-point numbers to train",
                got=shown(model.network),
                do="make its parameters jax arrays of jnp.float32; integers and Frozen arrays are constants",
            )
        )
    process_ends(model.process, jnp.dtype(jnp.float32))
    if not isinstance(optimizer, optax.GradientTransformation):
        raise TypeError(
            explain(
                expected="optimizer as an Optax transformation",
                got=shown(optimizer),
                do="pass optax.adam(1e-3), or adamw(1e-3, num_steps=...) of scorax.training",
            )
        )


def check_precision(model: AbstractNetworkModel, dtype: jnp.dtype) -> None:
    """Refuse rows that are wider than the weights: losses, averages and checkpoints are of the precision of the weights.

    Raises:
        ValueError: such rows.
    """
    weights = jnp.result_type(*jax.tree.leaves(trained_arrays(model)))
    if jnp.promote_types(weights, dtype) != weights:
        raise ValueError(
            explain(
                expected=f"rows of {weights}, as the weights of {shown(model.network)} are",
                got=f"{dtype}",
                do=f"pass rows.astype({weights}), or build the network while jax_enable_x64 is set",
            )
        )


def rows_of_members(options: FitOptions, members: int, count: int) -> list[np.ndarray]:
    """Numbers of the rows that each member trains on; refuse numbers for other members and numbers of no row.

    Raises:
        ValueError: either of these.
    """
    own = [np.arange(count)] * members if options.member_rows is None else list(options.member_rows)
    held = own if options.validation is None else options.validation.rows
    for what, given in (("member_rows", own), ("validation.rows", held)):
        if len(given) != members:
            raise ValueError(
                explain(
                    expected=f"{what} for {members} members", got=f"{len(given)}", do="give one index array per member"
                )
            )
        for numbers in given:
            if len(numbers) and not (np.min(numbers) >= 0 and np.max(numbers) < count):
                raise ValueError(
                    explain(
                        expected=f"{what} from 0 to {count - 1}",
                        got=f"{np.min(numbers)} to {np.max(numbers)}",
                        do="number the rows of this fit",
                    )
                )
    return own


def check_state(state: Any, like: TrainState) -> None:
    """Refuse a state to resume from whose arrays are not those of this model and optimiser, or not finite.

    Raises:
        TypeError: it is no state.
        ValueError: other arrays, or numbers that are not finite.
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
    if jax.tree.structure(state) != jax.tree.structure(like):
        raise ValueError(
            explain(
                expected="a state of this model and optimizer",
                got="one of another process, or with other parts that are no arrays",
                do="build both as they were for the run that is resumed; with_process changes the clock of a trained model",
            )
        )
    names = ("weights", "ema", "best", "optimizer", "averages")
    bad = next((name for name in names if not bool(all_finite(getattr(state, name)))), None)
    if bad is not None:
        raise ValueError(
            explain(expected="a state of finite numbers", got=f"NaN or infinity in {bad}", do="resume an earlier one")
        )


def _spec(tree: Any) -> dict[str, str]:
    leaves, _ = jtu.tree_flatten_with_path(eqx.filter(tree, lambda leaf: hasattr(leaf, "dtype")))
    return {jtu.keystr(path, simple=True, separator="/"): f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in leaves}
