"""Names for the array types used everywhere; shapes stand in the signatures (jaxtyping)."""

from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from jaxtyping import Key as KeyArray

Key: TypeAlias = PRNGKeyArray
"""A typed ``jax.random.key``; always passed as the keyword ``key``."""

Keys: TypeAlias = KeyArray[Array, "..."]
"""An array of typed keys, one for each row, draw or step."""

Scalar: TypeAlias = Float[Array, ""] | Float[np.ndarray, ""] | float
"""A real number: traced, NumPy or Python."""

Condition: TypeAlias = Any
"""What a network may be told beside the noisy state: a PyTree that the network understands, or ``None``."""


@runtime_checkable
class RowArray(Protocol):
    """Rows that are read a block at a time: an array of NumPy or JAX, a memory map, or what reads like one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    def __len__(self) -> int: ...

    def __getitem__(self, block: slice, /) -> Any: ...
