"""Conditions as vectors: embedders with a learned null, and the dropout that trains it."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float

from scorax._checked import Checked, require_count, require_key, shown
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.networks._linear import Linear, drawn

ABSENT = -1
"""The class index that stands for no class."""


class MaskedCondition(NamedTuple):
    """A condition that may be absent row by row, in arrays of fixed shape: for ``jit`` and ``vmap``.

    Attributes:
        value: the condition; ignored, whatever it is, where it is absent.
        present: whether there is one.
    """

    value: Any
    present: Any


class AbstractEmbedder(Checked):
    r"""Map from a condition $c$ of one example to a vector $e(c)$, with a learned vector $e_\emptyset$ for its absence.

    Called with a key, which is training, it replaces $e(c)$ by $e_\emptyset$ with probability ``dropout``, for this example
    alone (the caller maps over examples with a key each). One network so learns the conditional score and, at the null, the
    unconditional one: what :class:`~scorax.models.Guided` mixes. Without a key nothing is dropped.

    ``null`` is the vector of absence, ``dropout`` the rate in [0, 1].

    Reference: Ho and Salimans (2022), *Classifier-free diffusion guidance*, algorithm 1.
    """

    null: eqx.AbstractVar[Float[Array, "*stack width"]]
    dropout: eqx.AbstractVar[float]

    def __check_init__(self) -> None:
        if not 0 <= self.dropout <= 1:
            raise ValueError(
                explain(expected="a rate in [0, 1]", got=f"dropout={self.dropout}", do="pass 0.1 or 0.2, say")
            )

    @property
    def width(self) -> int:
        """Length of the embedding."""
        return self.null.shape[-1]

    @abc.abstractmethod
    def embed(self, condition: Condition) -> tuple[Float[Array, " width"], Bool[Array, ""]]:
        """Embedding of a condition that is not ``None``, and whether the condition is present."""

    @abc.abstractmethod
    def check(self, conditions: Condition) -> None:
        """Look at conditions, with any leading axes, on the host; traced ones pass unseen.

        Raises:
            TypeError: they are of the wrong kind.
            ValueError: one of them has no meaning here.
        """

    def __call__(self, condition: Condition = None, *, key: Key | None = None) -> Float[Array, " width"]:
        if condition is None:
            return self.null
        embedding, present = self.embed(condition)
        if key is not None and self.dropout > 0:
            present = present & ~jax.random.bernoulli(key, self.dropout)
        return jnp.where(present, embedding, self.null)


class ClassEmbedder(AbstractEmbedder):
    r"""One learned vector for each of $K$ classes. The condition is an integer; ``-1`` or ``None`` is no class.

    No index is clipped. One outside [-1, K) is refused where its value is known: at the entry of ``fit``, ``sample`` and
    ``log_prob``, and in a call that is not traced. Elsewhere its embedding is NaN, and so is everything made of it.

    Args:
        num_classes: K.
        width: length of the embedding.
        dropout: rate at which the class of an example is dropped in training.
    """

    table: Float[Array, "*stack classes width"]
    null: Float[Array, "*stack width"]
    dropout: float = eqx.field(static=True)

    def __init__(self, num_classes: int, width: int, *, dropout: float = 0.1, key: Key) -> None:
        num_classes, width = require_count(num_classes, "num_classes"), require_count(width, "width")
        require_key(key)
        self.table = jax.random.normal(key, (num_classes, width))
        self.null = jnp.zeros(width)
        self.dropout = dropout

    @property
    def num_classes(self) -> int:
        """K."""
        return self.table.shape[-2]

    def embed(self, condition: Condition) -> tuple[Float[Array, " width"], Bool[Array, ""]]:
        self.check(condition)
        index = jnp.asarray(condition)
        if index.shape != ():
            raise ValueError(
                explain(
                    expected="the class of one example",
                    got=f"classes of shape {index.shape}",
                    do="map over rows, or pass one for each to sample and log_prob",
                )
            )
        inside = (index >= 0) & (index < self.num_classes)
        row = self.table[jnp.clip(index, 0, self.num_classes - 1)]
        return jnp.where(inside, row, jnp.nan), index != ABSENT

    def check(self, conditions: Condition) -> None:
        kind = jnp.result_type(conditions) if isinstance(conditions, Tracer) else np.asarray(conditions).dtype
        if not jnp.issubdtype(kind, jnp.signedinteger):
            raise TypeError(
                explain(
                    expected="class indices as signed integers", got=f"{kind}", do="convert them: int32, -1 for none"
                )
            )
        if isinstance(conditions, Tracer):
            return
        classes = np.asarray(conditions)
        strange = classes[(classes < ABSENT) | (classes >= self.num_classes)]
        if strange.size:
            raise ValueError(
                explain(
                    expected=f"classes from 0 to {self.num_classes - 1}, or {ABSENT} for none",
                    got=f"{strange.flat[0]}",
                    do="number the classes from 0, or give the embedder more of them",
                )
            )


class VectorEmbedder(AbstractEmbedder):
    r"""Two layers on a vector of numbers, $e(c) = W_2\, silu(W_1 c + b_1) + b_2$; bring its entries to unit scale.

    The condition is an array of shape (size,), or a :class:`MaskedCondition` of one; ``None`` is absence. One flag speaks
    for the whole vector.

    Args:
        size: length of the condition.
        width: length of the embedding, and units of the hidden layer.
        dropout: rate at which the condition of an example is dropped in training.
    """

    inner: Linear
    outer: Linear
    null: Float[Array, "*stack width"]
    dropout: float = eqx.field(static=True)

    def __init__(self, size: int, width: int, *, dropout: float = 0.1, key: Key) -> None:
        size, width = require_count(size, "size"), require_count(width, "width")
        require_key(key)
        self.inner, self.outer = drawn((Linear(size, width), Linear(width, width)), key=key)
        self.null = jnp.zeros(width)
        self.dropout = dropout

    @property
    def size(self) -> int:
        """Length of the condition."""
        return self.inner.weight.shape[-2]

    def embed(self, condition: Condition) -> tuple[Float[Array, " width"], Bool[Array, ""]]:
        value, present = _masked(condition)
        value, present = jnp.asarray(value, self.null.dtype), jnp.asarray(present, bool)
        if value.shape != (self.size,):
            raise ValueError(
                explain(
                    expected=f"a condition of shape ({self.size},)",
                    got=f"{value.shape}",
                    do="map over rows, or pass one for each to sample and log_prob",
                )
            )
        # What stands in the place of an absent condition, NaN perhaps, must not reach the gradient of the layers.
        value = jnp.where(present, value, 0)
        return self.outer(jax.nn.silu(self.inner(value))), present

    def check(self, conditions: Condition) -> None:
        value, present = _masked(conditions)
        if np.shape(value)[-1:] != (self.size,):
            raise ValueError(
                explain(
                    expected=f"conditions of {self.size} numbers", got=f"shape {np.shape(value)}", do="reshape them"
                )
            )
        if isinstance(value, Tracer) or isinstance(present, Tracer):
            return
        finite = np.all(np.isfinite(np.asarray(value)), axis=-1)
        if not np.all(finite | ~np.asarray(present, bool)):
            raise ValueError(
                explain(
                    expected="finite conditions",
                    got="a NaN or an infinity",
                    do="mark rows without a condition by MaskedCondition(value, present)",
                )
            )


def _masked(condition: Condition) -> MaskedCondition:
    return condition if isinstance(condition, MaskedCondition) else MaskedCondition(condition, True)


def embedded(
    embedder: AbstractEmbedder | None, condition: Condition, *, key: Key | None
) -> Float[Array, " width"] | None:
    """Embedding for a network that may have no embedder: ``None`` then.

    Raises:
        TypeError: there is a condition and nothing to read it with; to ignore it would be a wrong answer.
    """
    if embedder is not None:
        return embedder(condition, key=key)
    if condition is None:
        return None
    raise TypeError(
        explain(
            expected="no condition for a network without an embedder",
            got=shown(condition),
            do="build the network with embedder=ClassEmbedder(...) or VectorEmbedder(...)",
        )
    )


def check_conditions(tree: Any, conditions: Condition) -> None:
    """Let every embedder inside a model or network look at conditions on the host, before they are traced.

    Raises:
        TypeError: an embedder refuses their kind.
        ValueError: an embedder refuses a value.
    """
    if conditions is None:
        return
    for part in jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, AbstractEmbedder)):
        if isinstance(part, AbstractEmbedder):
            part.check(conditions)
