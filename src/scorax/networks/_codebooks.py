"""Codebooks: the points that stand for the categories of discrete quantities, and the way from categories to codes and back."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float, Int

from scorax._checked import require_count
from scorax._code_dimension import SIMPLEX_UP_TO, code_dimension
from scorax._errors import explain

_TRIES = 64
"""Choices of frequencies among which the best separated is taken."""

# Codebooks of different sizes stand in one list: their axes have no names.
Codebook = Float[np.ndarray, "_ _"] | Float[Array, "_ _"]


def simplex_codebook(num_categories: int) -> Float[np.ndarray, "categories m"]:
    r"""Corners of a regular simplex in $K - 1$ dimensions: no category is nearer to one than to another.

    They are the harmonics $\sqrt2 \cos(2\pi j k/K)$, $\sqrt2 \sin(2\pi j k/K)$ of the place k, and $(-1)^k$ where K is even, so
    every coordinate has mean zero and variance one over the categories, and none is beyond $\sqrt2$. The squared distance
    of two points is $2K$; for two categories they are 1 and -1.
    """
    count = require_count(num_categories, "num_categories", least=2)
    return _harmonics(count, np.arange(1, count // 2 + 1))[:, : count - 1]


def line_codebook(num_categories: int, *, root: bool = False) -> Float[np.ndarray, "categories one"]:
    r"""Points on a line, of mean zero and variance one: for categories in an order, and counts.

    They are equidistant, neighbours $\sqrt{12 / (K^2 - 1)}$ apart, or lie like $\sqrt k$, as suits counts from 0 on whose spread
    grows with their value. Let neighbours be 8 times $\sigma_0 / \alpha_0$ of the cut-off apart or more, else the category of a
    state at the cut-off is in doubt.
    """
    places = np.arange(require_count(num_categories, "num_categories", least=2), dtype=float)
    places = np.sqrt(places) if root else places
    return ((places - places.mean()) / places.std())[:, None]


def codebook(num_categories: int) -> Float[np.ndarray, "categories m"]:
    r"""Points for categories without an order: :func:`simplex_codebook` up to 60 of them, fewer dimensions beyond.

    Beyond, they are the harmonics of $\lceil \log_2 K \rceil$ frequencies out of $K/2$, so that $m = 2 \lceil \log_2 K \rceil$:
    the squared distance of places k and l is $4 \sum_f (1 - \cos(2\pi f (k - l)/K))$, about $2m$, and the frequencies are
    those of 64 random choices that keep the nearest two points farthest apart. For 1,000 categories: 20 dimensions, and 4.3 or
    more between any two.
    """
    count = require_count(num_categories, "num_categories", least=2)
    if count <= SIMPLEX_UP_TO:
        return simplex_codebook(count)
    harmonics, wanted = (count - 1) // 2, code_dimension(count) // 2
    words = np.random.PCG64(count).random_raw((_TRIES, harmonics))  # raw words are the same in every release of NumPy
    choices = np.sort(np.argsort(words, axis=1)[:, :wanted], axis=1) + 1
    apart = np.arange(1, count // 2 + 1)
    nearest = [np.min(np.sum(1 - np.cos(2 * np.pi * np.outer(apart, f) / count), axis=1)) for f in choices]
    return _harmonics(count, choices[int(np.argmax(nearest))])


def _harmonics(count: int, frequencies: Int[np.ndarray, " f"]) -> Float[np.ndarray, "categories m"]:
    """Cosines and sines of the places, of variance one; the cosine at half of an even count has variance two and is halved."""
    places = np.arange(count)
    phases = 2 * np.pi * (np.outer(places, frequencies) % count) / count
    waves = np.sqrt(2) * np.stack([np.cos(phases), np.sin(phases)], axis=-1)
    waves[:, 2 * frequencies == count] /= np.sqrt(2)
    return waves.reshape(count, -1)


def encode_categories(
    codebooks: Sequence[Codebook], categories: Int[np.ndarray, "n codes"]
) -> Float[np.ndarray, "n coordinates"]:
    """Codes of rows, one after the other: row i of code j is the point ``categories[i, j]`` of ``codebooks[j]``.

    Raises:
        ValueError: another number of columns than of codes, or a category that has no point.
    """
    categories = np.asarray(categories)
    check_categories(codebooks, categories)
    codes = [np.asarray(own)[column] for own, column in zip(codebooks, categories.T, strict=True)]
    return np.concatenate([np.zeros((len(categories), 0)), *codes], axis=1)


def decode_categories(
    codebooks: Sequence[Codebook], codes: Float[np.ndarray, "n coordinates"]
) -> Int[np.ndarray, "n codes"]:
    """Categories of the nearest points: those that were encoded, or drawn by :class:`~scorax.samplers.CategoryDraw`.

    States at a level have codes ``alpha`` times as far out: divide by it first. A code with a NaN has none, which is -1.

    Raises:
        ValueError: another number of coordinates than the codes have.
    """
    books = [np.asarray(own, np.float64) for own in codebooks]
    ends = np.cumsum([own.shape[1] for own in books], dtype=int)
    if codes.ndim != 2 or codes.shape[1] != (ends[-1] if len(ends) else 0):
        raise ValueError(
            explain(
                expected=f"rows of {ends[-1] if len(ends) else 0} coordinates",
                got=f"shape {codes.shape}",
                do="pass the coordinates after the numbers",
            )
        )
    parts = np.split(np.asarray(codes, np.float64), ends[:-1], axis=1) if len(ends) else []
    nearest = [
        np.where(np.isnan(x).any(axis=1), -1, np.argmax(x @ own.T - 0.5 * np.sum(own**2, axis=1), axis=1))
        for x, own in zip(parts, books, strict=True)
    ]
    return np.stack(nearest, axis=1) if nearest else np.zeros((len(codes), 0), np.int64)


def check_categories(
    codebooks: Sequence[Codebook], categories: Int[np.ndarray, "n codes"], *, absent: bool = False
) -> None:
    """Refuse categories that are not one for each code, or have no point; -1 passes where it stands for none.

    Raises:
        TypeError: they are no whole numbers.
        ValueError: either of these.
    """
    if not np.issubdtype(categories.dtype, np.integer):
        raise TypeError(
            explain(expected="categories as whole numbers", got=f"{categories.dtype}", do="number them from 0")
        )
    if categories.ndim != 2 or categories.shape[1] != len(codebooks):
        raise ValueError(
            explain(
                expected=f"a category for each of {len(codebooks)} codes in every row",
                got=f"shape {categories.shape}",
                do="pass an array of (rows, codes)",
            )
        )
    for j, (own, column) in enumerate(zip(codebooks, categories.T, strict=True)):
        strange = column[(column < (-1 if absent else 0)) | (column >= own.shape[0])]
        if strange.size:
            raise ValueError(
                explain(
                    expected=f"categories from 0 to {own.shape[0] - 1} in code {j}",
                    got=f"{strange[0]}",
                    do="leave out rows with a category that has no point",
                )
            )
