"""Tables that come with the program: five of scikit-learn's, and toys drawn from a seed."""

import numpy as np

from scorax._decimals import on_decimals
from scorax._errors import InputError, explain
from scorax._text import quote, suggest
from scorax.data._table import Table
from scorax.data._toys import ALIASES, TOYS
from scorax.data.formats import NumberFormat

_REAL = ("wine", "iris", "diabetes", "breast_cancer", "digits")
_TOY_ROWS = 5000


def embedded_names() -> tuple[str, ...]:
    """Names that ``embedded`` knows, aliases left out."""
    return (*_REAL, *TOYS)


def is_toy(name: str) -> bool:
    """Whether the name, or alias, is that of a toy and not of a real table."""
    return ALIASES.get(name, name) in TOYS


def embedded(name: str, *, n: int | None = None, seed: int = 0) -> Table:
    """A table that needs no file.

    ``wine``, ``iris``, ``diabetes`` (raw units), ``breast_cancer`` and ``digits`` are the feature columns of
    scikit-learn's data sets. The toys have two columns ``x0, x1`` and ``n`` rows:

    - ``two_moons`` (or ``moons``): with th ~ U(0, pi), the points (cos th, sin th) or (1 - cos th, 1/2 - sin th)
      with equal probability, plus Gaussian noise of standard deviation 0.1 in each coordinate;
    - ``checkerboard``: uniform on the 8 cells (i, j) with i + j even of the 4 x 4 cells of side 2 in [-4, 4]^2;
    - ``eight_gaussians``: equal Gaussians of standard deviation 0.2 around 8 points on the circle of radius 2;
    - ``swirl``: (th cos th, th sin th) / 5 with th ~ U(3 pi / 2, 9 pi / 2), plus Gaussian noise of standard
      deviation 0.1.

    Args:
        name: one of ``embedded_names()``.
        n: rows of a toy, 5000 by default. A real table is never cut: it must be ``None``.
        seed: seed of a toy.
    """
    toy, name = is_toy(name), ALIASES.get(name, name)
    if toy:
        rows = _TOY_ROWS if n is None else n
        if rows < 1 or seed < 0:
            raise InputError(explain(expected="n >= 1 and seed >= 0", got=f"{rows} and {seed}", do="change them"))
        return Table.of(TOYS[name](rows, np.random.default_rng(seed)))
    if name not in _REAL:
        raise InputError(
            explain(
                expected="the name of an embedded table",
                got=f"{quote(name)}{suggest(name, embedded_names())}",
                do=f"choose among {', '.join(embedded_names())}",
            )
        )
    if n is not None:
        raise InputError(explain(expected="n for a toy only", got=f"n={n} for {name}", do="leave it out"))
    values, columns = _load(name)
    formats = tuple(NumberFormat(_decimals(values[:, j])) for j in range(values.shape[1]))
    return Table(tuple(str(c).replace(" ", "_") for c in columns), values, formats)


def _load(name: str) -> tuple[np.ndarray, list[str]]:
    from sklearn import datasets

    loaders = {
        "wine": datasets.load_wine,
        "iris": datasets.load_iris,
        "diabetes": lambda: datasets.load_diabetes(scaled=False),
        "breast_cancer": datasets.load_breast_cancer,
        "digits": datasets.load_digits,
    }
    bunch = loaders[name]()
    return np.asarray(bunch["data"], dtype=np.float64), list(bunch["feature_names"])


def _decimals(values: np.ndarray) -> int | None:
    """Decimals with which the values were once written, as a CSV file would show them."""
    return next((k for k in range(13) if on_decimals(values, k, 1e-12) is not None), None)
