"""Pictures compared as samples: Frechet distance of features, power over spatial frequency."""

import numpy as np
from jaxtyping import Float

from scorax._errors import InputError, explain
from scorax.metrics._shapes import check_pair


def frechet_distance(a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "m d"]) -> float:
    r"""$|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^{1/2})$: the squared 2-Wasserstein distance of two normal laws.

    Means and covariances are those of the rows. The value grows as the rows get fewer, so compare values of equal numbers of
    rows.

    Args:
        a, b: features of two samples, of two rows at least; with fewer rows than features covariances are singular.

    Raises:
        InputError: another shape, a cell that is not finite, or one row.

    Reference: Dowson and Landau (1982), *The Frechet distance between multivariate normal distributions*; Heusel et al. (2017),
    *GANs trained by a two time-scale update rule*, for its use on features.
    """
    check_pair(a, b)
    if min(len(a), len(b)) < 2:
        got, do = f"{len(a)} and {len(b)}", "pass larger samples"
        raise InputError(explain(expected="two rows or more, which have a covariance", got=got, do=do))
    means, covariances = zip(
        *((rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False))) for rows in (a, b)), strict=True
    )
    values, vectors = np.linalg.eigh(covariances[0])
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariances[1] @ root), 0)).sum()
    gap = np.sum((means[0] - means[1]) ** 2)
    return float(max(gap + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * cross, 0.0))


def radial_spectrum(
    images: Float[np.ndarray, "n h w c"], rings: int
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    r"""Mean of $|\hat x(f)|^2 / (h w)$ over pictures, channels and the frequencies of a ring, with the mean of each ring's $|f|$.

    Frequencies are in turns over the shorter side, up to half its pixels; rings are equally wide. White noise of variance one
    has power one in every ring.

    Args:
        images: pictures.
        rings: how many; empty ones are left out.
    """
    height, width = images.shape[1:3]
    side = min(height, width)
    power = np.mean(np.abs(np.fft.fft2(images, axes=(1, 2))) ** 2, axis=(0, 3)) / (height * width)
    distance = side * np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    ring = np.minimum((distance / (side / 2) * rings).astype(int), rings)
    found = [k for k in range(rings) if np.any((ring == k) & (distance > 0))]
    inside = [(ring == k) & (distance > 0) for k in found]
    return np.array([distance[own].mean() for own in inside]), np.array([power[own].mean() for own in inside])
