"""Everything training is made of, in one PyTree: what a checkpoint keeps and a resume restores."""

import dataclasses
from typing import Any, Literal, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from scorax._errors import explain
from scorax._trees import trainable
from scorax.models import AbstractNetworkModel
from scorax.networks import Ensemble

Model = TypeVar("Model", bound=AbstractNetworkModel)


class TrainState(eqx.Module):
    """State after ``step`` optimiser steps.

    ``members`` below is the member axis of an :class:`~scorax.networks.Ensemble` and has length one for a plain network.

    Attributes:
        step: optimiser steps done.
        weights: the trained arrays, raw.
        ema: their exponential moving average; what inference uses.
        best: the average at the best validation so far (the average itself without validation).
        optimizer: Optax state.
        best_loss: validation loss at ``best``, in nats up to a constant; infinite before the first validation.
        best_step: step of ``best``.
        active: whether a member still trains; a stopped member's arrays stay as they are.
        loss: training loss averaged over the last call.
        averages: averages by power functions, one for each length of :class:`PowerAverages`.
        skipped: steps that were skipped since they were not finite, in all and in a row at the end; ``None`` where such a step
            ends the training.
        validation_loss: loss of ``ema`` on the fixed validation draws at the last validation; NaN before the first.
    """

    step: Int[Array, ""]
    weights: PyTree
    ema: PyTree
    best: PyTree
    optimizer: Any
    best_loss: Float[Array, " members"]
    best_step: Int[Array, " members"]
    active: Bool[Array, " members"]
    loss: Float[Array, " members"]
    validation_loss: Float[Array, " members"]
    averages: tuple[PyTree, ...] = ()
    skipped: Int[Array, "members 2"] | None = None

    def model(self, like: Model, which: Literal["weights", "ema", "best"] = "best") -> Model:
        """``like`` with the weights of this state, in buffers of their own.

        They pass through the host and lose the mesh they were trained on: to XLA an array on a mesh is another program, and
        one that was trained shall share those of one that was loaded.
        """
        return with_trained_arrays(like, jax.tree.map(lambda leaf: jnp.asarray(np.array(leaf)), getattr(self, which)))


def trained_arrays(model: AbstractNetworkModel) -> PyTree:
    """The arrays of a model that are trained, for an ensemble with their member axis; ``None`` in place of the rest."""
    single = single_model(model)
    return eqx.filter(single, trainable(single))


def with_trained_arrays(like: Model, arrays: PyTree) -> Model:
    """``like`` with ``arrays`` for those of :func:`trained_arrays`.

    Raises:
        ValueError: they are the arrays of a model that is built otherwise.
    """
    single = single_model(like)
    own, rest = eqx.partition(single, trainable(single))
    if jax.tree.structure(arrays) != jax.tree.structure(own):
        raise ValueError(
            explain(
                expected=f"weights of a {type(like).__name__} built like this one",
                got="those of a model with other parts, sizes or noise table",
                do="build the model as it was trained; change its process afterwards, by with_process",
            )
        )
    network = eqx.combine(arrays, rest).network
    return dataclasses.replace(like, network=Ensemble(network) if member_axis(like) else network)


def member_axis(model: AbstractNetworkModel) -> int | None:
    """Number of members trained side by side, or ``None`` for a plain network."""
    return model.network.num_members if isinstance(model.network, Ensemble) else None


def single_model(model: Model) -> Model:
    """The model whose loss is taken: for an ensemble one with a single network whose arrays still carry the member axis."""
    network = model.network
    return dataclasses.replace(model, network=network.members) if isinstance(network, Ensemble) else model
