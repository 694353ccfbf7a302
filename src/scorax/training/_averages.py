"""Averages of the weights of any length, after the training: power functions, and snapshots of two of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array, Float, PyTree

from scorax._checked import require_count, require_kind
from scorax._errors import explain


@dataclass(frozen=True)
class PowerAverages:
    r"""Averages of the weights $\theta_k$ by power functions of the step, kept beside the exponential one.

    After $n$ steps $\bar\theta = \sum_{k \le n} \frac{k^{p} - (k-1)^{p}}{n^{p}}\, \theta_k$ with $p = \gamma + 1$: an average
    whose length grows with the training. Its relative length is the standard deviation of that profile over n,
    $l = (\gamma + 1)^{1/2} (\gamma + 2)^{-1} (\gamma + 3)^{-1/2}$. Two lengths are enough to make any other one from snapshots,
    by :func:`post_hoc_average`.

    Attributes:
        lengths: relative lengths, each between 0 and .28.

    Raises:
        TypeError: a length that is no number.
        ValueError: none, or one outside its range.

    Reference: Karras et al. (2024), *Analyzing and improving the training dynamics of diffusion models*, section 3.
    """

    lengths: tuple[float, ...] = (0.05, 0.1)

    def __post_init__(self) -> None:
        if not self.lengths:
            raise ValueError(explain(expected="at least one length", got="none", do="pass (0.05, 0.1)"))
        for length in self.lengths:
            power_of(length)

    @property
    def powers(self) -> tuple[float, ...]:
        """p of every length."""
        return tuple(power_of(length) for length in self.lengths)


@dataclass(frozen=True)
class Snapshot:
    """An average as it stood at a step.

    Attributes:
        step: steps that it is of.
        length: its relative length.
        weights: PyTree of arrays, on the host or a device.
    """

    step: int
    length: float
    weights: PyTree


def power_of(length: float) -> float:
    r"""$p = \gamma + 1$ of a relative length: the largest root of $l^2 (p + 1)^2 (p + 2) = p$.

    Raises:
        TypeError: no number.
        ValueError: outside (0, .28): the longest profile, that of all steps alike, has .289.
    """
    require_kind(length, float, what="length of an average")
    if not 0 < length < 0.28:
        raise ValueError(explain(expected="a relative length in (0, 0.28)", got=f"{length}", do="0.05 or 0.1, say"))
    roots = np.roots([1.0, 4.0, 5.0 - length**-2, 2.0])
    return float(np.max(roots.real))


def move_power_average(average: PyTree, new: PyTree, step: Array, power: float) -> PyTree:
    """The average after the step ``step``, counted from 0: ``(step / (step + 1)) ** power`` of it is kept."""

    def moved(a: Array, b: Array) -> Array:
        now = step.astype(a.dtype)
        kept = (now / (now + 1)) ** power
        return kept * a + (1 - kept) * b

    return jax.tree.map(moved, average, new)


def profile(step: int, power: float, steps: int) -> Float[np.ndarray, " steps"]:
    """What each of the first ``steps`` steps has in the average after ``step`` of them."""
    edges = np.minimum(np.arange(steps + 1) / step, 1.0) ** power
    return np.diff(edges)


def post_hoc_average(snapshots: Sequence[Snapshot], length: float, *, step: int | None = None) -> PyTree:
    r"""The average of another length, as nearly as snapshots of a training give it.

    The profile of the average that is wanted is fitted by those of the snapshots, in least squares over all steps; their
    weights are added with the same coefficients, in float64. Profiles are those of the discrete training, so a length that was
    tracked comes back as it is.

    Args:
        snapshots: of one training, of two lengths or more, from early on to the end: 32 of each length reproduce one between
            them to a thousandth of its distance to the weights.
        length: relative length of the average that is wanted.
        step: where its training ends; the last snapshot by default.

    Returns:
        A PyTree of NumPy arrays like the weights of a snapshot; ``with_trained_arrays`` puts it into a model.

    Raises:
        ValueError: no snapshots, a step after the last, or snapshots of different trees.
    """
    if not snapshots:
        raise ValueError(explain(expected="snapshots of a training", got="none", do="keep averages while it runs"))
    last = max(own.step for own in snapshots)
    step = last if step is None else require_count(step, "step")
    if step > last:
        raise ValueError(explain(expected=f"a step up to {last}", got=f"{step}", do="train on, or ask for less"))
    kept = [own for own in snapshots if own.step > 0]
    trees = {jax.tree.structure(own.weights) for own in kept}
    if len(trees) != 1:
        raise ValueError(explain(expected="snapshots of one model", got=f"{len(trees)} kinds of trees", do="sort them"))
    columns = np.stack([profile(own.step, power_of(own.length), last) for own in kept], axis=1)
    wanted = profile(step, power_of(length), last)
    shares = np.linalg.lstsq(columns, wanted, rcond=1e-12)[0]

    def added(*leaves: Array | np.ndarray) -> np.ndarray:
        total = sum(share * np.asarray(leaf, np.float64) for share, leaf in zip(shares, leaves, strict=True))
        return np.asarray(total, leaves[0].dtype)

    return jax.tree.map(added, *(own.weights for own in kept))
