"""Mean and covariance of an array's rows in one pass of float64, a block at a time: no array is loaded whole."""

import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.linalg import solve_triangular

from scorax._errors import explain
from scorax._types import RowArray

_ROWS = 4096
"""Rows of an array that are summed at once, at most."""

_NUMBERS = 2**22
"""Numbers that are held at once: 32 MB."""

_WIDER = 4
"""Directions that the covariance is applied to, over those that are kept."""


def moments(rows: RowArray) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, "d d"]]:
    """Mean and covariance of the rows, each taken flat.

    Every block's sums are about the mean of the first, which keeps the digits of columns far from zero.

    Raises:
        ValueError: fewer than two rows, or one that is not finite.

    Reference: Chan, Golub and LeVeque (1983), *Algorithms for computing the sample variance*.
    """
    size = math.prod(rows.shape[1:])
    shift, total, products = np.zeros(size), np.zeros(size), np.zeros((size, size))
    for number, block in enumerate(_blocks(rows)):
        shift = block.mean(axis=0) if number == 0 else shift
        total += (block - shift).sum(axis=0)
        products += (block - shift).T @ (block - shift)
    count = len(rows)
    return shift + total / count, (products - np.outer(total, total) / count) / count


def marginal_moments(rows: RowArray) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]]:
    """Mean and variance of every coordinate; errors as for :func:`moments`."""
    size = math.prod(rows.shape[1:])
    shift, total, squares = np.zeros(size), np.zeros(size), np.zeros(size)
    for number, block in enumerate(_blocks(rows)):
        shift = block.mean(axis=0) if number == 0 else shift
        total += (block - shift).sum(axis=0)
        squares += ((block - shift) ** 2).sum(axis=0)
    count = len(rows)
    return shift + total / count, np.maximum(squares - total**2 / count, 0.0) / count


def leading_moments(
    rows: RowArray, rank: int
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"], Float[np.ndarray, "d r"]]:
    r"""Mean, what is left of every variance, and the leading principal components times their standard deviations.

    The covariance $S$ is met only as $Y = S \Omega$ with ``_WIDER`` times as many fixed random directions $\Omega$ as are kept,
    from which Nyström's formula $Y (\Omega^T Y)^{-1} Y^T$ makes the components; a shift of the size of rounding keeps the inverse
    stable. Fewer than ``rank`` components where there are fewer coordinates; errors as for :func:`moments`.

    Reference: Tropp, Yurtsever, Udell and Cevher (2017), *Fixed-rank approximation of a positive-semidefinite matrix from
    streaming data*, algorithm 3.
    """
    count, size = len(rows), math.prod(rows.shape[1:])
    directions = np.random.default_rng(0).standard_normal((size, min(_WIDER * rank, size)))
    shift, total, squares, image = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros_like(directions)
    for number, block in enumerate(_blocks(rows)):
        shift = block.mean(axis=0) if number == 0 else shift
        block = block - shift
        total += block.sum(axis=0)
        squares += np.sum(block**2, axis=0)
        image += block.T @ (block @ directions)
    gap = total / count
    variances = np.maximum(squares / count - gap**2, 0.0)
    image = image / count - np.outer(gap, gap @ directions)
    tiny = np.finfo(np.float64).eps * max(float(np.linalg.norm(image)), np.finfo(np.float32).tiny)
    image += tiny * directions
    core = directions.T @ image
    root = np.linalg.cholesky((core + core.T) / 2)
    vectors, values, _ = np.linalg.svd(solve_triangular(root, image.T, lower=True).T, full_matrices=False)
    factor = vectors[:, :rank] * np.sqrt(np.maximum(values[:rank] ** 2 - tiny, 0.0))
    return shift + gap, np.maximum(variances - np.sum(factor**2, axis=1), 0.0), factor


def on_device(kind: np.dtype, *arrays: np.ndarray) -> list[Array]:
    """Arrays on the device in the precision of rows of a kind, at least float32."""
    dtype = jax.dtypes.canonicalize_dtype(np.result_type(kind, np.float32))
    return [jnp.asarray(array, dtype) for array in arrays]


def _blocks(rows: RowArray, least: int = 1) -> Iterator[Float[np.ndarray, "block d"]]:
    """Blocks of flat rows in float64, of ``least`` rows or more if there are so many."""
    count, size = len(rows), math.prod(rows.shape[1:])
    if count < 2:
        raise ValueError(
            explain(expected="two or more finite rows", got=f"{count} rows", do="pass the data of the model")
        )
    block = max(1, min(_ROWS, _NUMBERS // size))
    for start in range(0, count, block):
        part = np.asarray(rows[start : start + block], np.float64).reshape(-1, size)
        if not np.all(np.isfinite(part)):
            raise ValueError(
                explain(expected="two or more finite rows", got="values that are not", do="pass the data of the model")
            )
        yield part
