"""Error of stochastic traces in a log-density at equal cost: Hutchinson, Hutch++ and XTrace, with and without a Gaussian
control variate.

Along the exact flow of points of a mixture the Jacobian of the field is written out at every angle of a grid. Each estimator
sees it through 16 products only, with random directions that are kept along the way, and its integral is compared with that of
the trace. Printed is the root mean square over draws of the directions, in nats, mean over points.
"""

import argparse
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from _sampler_target import PROCESS, target
from scorax.models import flow_ends, flow_field
from scorax.targets import ExactDenoiser, GaussianMixture

PRODUCTS = 16
Estimator = Callable[[np.ndarray, np.ndarray], float]
"""Estimate of the trace of a matrix from random signs, one row for each of ``PRODUCTS`` directions."""


def hutchinson(matrix: np.ndarray, signs: np.ndarray) -> float:
    """Mean of ``v J v`` over 16 directions (Hutchinson 1990)."""
    return float(np.mean(np.sum(signs * (signs @ matrix.T), axis=1)))


def hutch_plus_plus(matrix: np.ndarray, signs: np.ndarray) -> float:
    """Exact on the range that five products span, Hutchinson's on the rest with six (Meyer et al. 2021, algorithm 1)."""
    basis = np.linalg.qr(matrix @ signs[:5].T)[0]
    rest = signs[10:] - (signs[10:] @ basis) @ basis.T
    return float(np.trace(basis.T @ matrix @ basis) + np.mean(np.sum(rest * (rest @ matrix.T), axis=1)))


def xtrace(matrix: np.ndarray, signs: np.ndarray) -> float:
    """Each of eight directions once the probe of the range of the others (Epperly, Tropp and Webber 2024, equation 2.2)."""
    directions = signs[: PRODUCTS // 2]
    images = matrix @ directions.T
    found = []
    for i, direction in enumerate(directions):
        basis = np.linalg.qr(np.delete(images, i, axis=1))[0]
        rest = direction - basis @ (basis.T @ direction)
        found.append(np.trace(basis.T @ matrix @ basis) + rest @ matrix @ rest)
    return float(np.mean(found))


ESTIMATORS: dict[str, Estimator] = {"Hutchinson": hutchinson, "Hutch++": hutch_plus_plus, "XTrace": xtrace}


def jacobians(dimension: int, points: int, nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angles, and the Jacobians of the mixture's field and of the Gaussian's with its moments along the flows of its points."""
    with jax.enable_x64(True):
        law = target(dimension)
        gaussian = GaussianMixture(jnp.zeros(1), jax.tree.map(lambda leaf: leaf[None], law.moments()))
        mixture, control = (ExactDenoiser.create(each, PROCESS) for each in (law, gaussian))
        ends = flow_ends(mixture, jnp.dtype(jnp.float64))
        # Evenly in the logarithm of tan, where the field changes evenly.
        angles = jnp.arctan(jnp.geomspace(jnp.tan(ends.start), jnp.tan(ends.end), nodes))
        field, other = flow_field(mixture), flow_field(control)

        def along(y: jax.Array) -> jax.Array:
            def advance(y: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
                a, b = at
                middle = field((a + b) / 2, y + (b - a) / 2 * field(a, y))
                return y + (b - a) * middle, y

            return jax.lax.scan(advance, y, (angles[:-1], angles[1:]))[1]

        @jax.jit
        def matrices(key: jax.Array) -> tuple[jax.Array, jax.Array]:
            start = law.at(PROCESS.level(jnp.asarray(PROCESS.t0))).sample(key=key) / ends.start_radius
            path = along(start)
            pairs = [jax.vmap(jax.jacfwd(f, argnums=1))(angles[:-1], path) for f in (field, other)]
            return pairs[0], pairs[1]

        found = [matrices(key) for key in jax.random.split(jax.random.key(0), points)]
        own, controls = (np.stack([np.asarray(pair[i]) for pair in found]) for i in (0, 1))
        return np.diff(np.asarray(angles)), own, controls


def errors(dimension: int, points: int, draws: int, nodes: int) -> dict[str, float]:
    """Root mean square error of the integral by estimator."""
    widths, own, controls = jacobians(dimension, points, nodes)
    generator = np.random.default_rng(0)
    found: dict[str, float] = {}
    for name, estimate in ESTIMATORS.items():
        for label, family in ((name, own), (f"{name}, control variate", own - controls)):
            squares = []
            for matrices in family:
                truth = widths @ np.trace(matrices, axis1=1, axis2=2)
                for _ in range(draws):
                    signs = generator.choice([-1.0, 1.0], size=(PRODUCTS, dimension))
                    squares.append((widths @ [estimate(matrix, signs) for matrix in matrices] - truth) ** 2)
            found[label] = float(np.sqrt(np.mean(squares)))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--nodes", type=int, default=160)
    options = parser.parse_args()
    columns = {d: errors(d, options.points, options.draws, options.nodes) for d in options.dimensions}
    print("| estimator, 16 products | " + " | ".join(f"d = {d}" for d in columns) + " |")
    print("|---" * (1 + len(columns)) + "|")
    for name in next(iter(columns.values())):
        print(f"| {name} | " + " | ".join(f"{found[name]:.3f}" for found in columns.values()) + " |")


if __name__ == "__main__":
    main()
