"""Does the printed error of a log-density bound its true error? Exact mixtures, any scale of the columns, far tails.

``python likelihood_coverage.py --out FILE.json`` computes log-densities of 10,000 points in data units: Gaussians and
mixtures in 1, 2, 10 and 50 dimensions under VP and EDM, columns scaled by 1e-30 to 1e30 and shifted by up to 1e8 of their
standard deviations, half of the points drawn from the law and half up to 40 standard deviations away. The truth is the closed
form of the law at ``t0``. ``--table FILE.json`` prints the record.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from _machine import machine
from scorax.likelihood import log_prob
from scorax.processes import EDM, VP, AbstractGaussianProcess
from scorax.targets import ExactDenoiser, GaussianMixture
from scorax.transforms import Standardize, encode_rows

POINTS = 10_000
DIMENSIONS = (1, 2, 10, 50)
FARTHEST = 40.0
PROCESSES: tuple[AbstractGaussianProcess, ...] = (VP(), EDM())


def law(dimension: int, components: int) -> GaussianMixture:
    """Correlated components of unequal weights around random means; about unit variance in every coordinate."""
    generator = np.random.default_rng(dimension * 10 + components)
    factors = generator.standard_normal((components, dimension, dimension)) / np.sqrt(dimension)
    covariances = 0.4 * factors @ factors.transpose(0, 2, 1) + 0.05 * np.eye(dimension)
    means = 0.7 * generator.standard_normal((components, dimension)) * (components > 1)
    return GaussianMixture.create(generator.uniform(1, 3, components), means, covariances)


def cases() -> Iterator[tuple[str, int, int, AbstractGaussianProcess]]:
    """Name, dimension, components, process."""
    for dimension in DIMENSIONS:
        for components in (1, 3):
            for process in PROCESSES:
                kind = "mixture" if components > 1 else "Gaussian"
                yield f"{kind}, d = {dimension}, {type(process).__name__}", dimension, components, process


def points(target: GaussianMixture, count: int, seed: int) -> np.ndarray:
    """Half from the law, half in random directions at distances up to ``FARTHEST`` standard deviations along each."""
    keys = jax.random.split(jax.random.key(seed), count // 2)
    inside = np.asarray(jax.jit(jax.vmap(lambda key: target.sample(key=key)))(keys))
    generator = np.random.default_rng(seed)
    directions = generator.standard_normal((count - count // 2, target.dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    moments = target.moments()
    covariance = np.asarray(moments.basis) * np.asarray(moments.variances) @ np.asarray(moments.basis).T
    spread = np.sqrt(np.einsum("ni,ij,nj->n", directions, covariance, directions))
    distance = np.linspace(0, FARTHEST, len(directions))
    return np.concatenate([inside, np.asarray(moments.mean) + (distance * spread)[:, None] * directions])


def measure(dimension: int, components: int, process: AbstractGaussianProcess, count: int, seed: int) -> dict[str, Any]:
    """True errors and bounds of one case, in float64."""
    generator = np.random.default_rng(seed)
    target = law(dimension, components)
    noisy = target.at(process.level(jnp.asarray(process.t0)))
    scale = 10.0 ** generator.uniform(-30, 30, dimension)
    shift = scale * 10.0 ** generator.uniform(0, 8, dimension)
    transform = Standardize(shift, scale)
    rows = shift + scale * points(noisy, count, seed)
    z, log_weight = encode_rows(transform, rows, key=jax.random.key(0))
    exact = (
        rows.astype(np.longdouble) - shift
    ) / scale  # what the rows are after rounding, whatever `encode_rows` made of it
    truth = np.asarray(jax.jit(jax.vmap(noisy.log_density))(exact.astype(np.float64))) - np.sum(np.log(scale))
    answer = log_prob(ExactDenoiser.create(target, process), z)
    return {
        "error": np.abs(np.asarray(answer.value) + log_weight - truth).tolist(),
        "bound": np.asarray(answer.total_error).tolist(),
        "converged": int(np.count_nonzero(answer.converged)),
        "evaluations": float(np.mean(answer.evaluations)),
    }


def summary(parts: list[dict[str, Any]]) -> str:
    """Share covered, median ratio of bound to error, median and largest error."""
    error = np.concatenate([np.asarray(part["error"], float) for part in parts])
    bound = np.concatenate([np.asarray(part["bound"], float) for part in parts])
    ratio = np.median(bound / np.maximum(error, np.finfo(float).tiny))
    evaluations = np.mean([part["evaluations"] for part in parts])
    return (
        f"{len(error)} | {np.mean(error <= bound):.4f} | {ratio:.1f} | {np.median(error):.1e} | {error.max():.1e} "
        f"| {evaluations:.0f}"
    )


def table(record: dict[str, Any]) -> str:
    """The record in Markdown, points of the law and far ones apart."""
    lines = [
        "| case | points | covered | bound / error, median | error, median | largest | evaluations |",
        "|---|---|---|---|---|---|---|",
    ]
    results = record["results"]
    halves = {}
    for name, part in results.items():
        half = len(part["error"]) // 2
        for where, cut in (("law", slice(0, half)), ("far", slice(half, None))):
            piece = {**part, "error": part["error"][cut], "bound": part["bound"][cut]}
            halves.setdefault(where, []).append(piece)
            lines.append(f"| {name}, {where} | {summary([piece])} |")
    lines.extend(f"| all, {where} | {summary(pieces)} |" for where, pieces in halves.items())
    lines.append(f"| **all** | {summary(list(results.values()))} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--table", type=Path)
    arguments = parser.parse_args()
    if arguments.table:
        print(table(json.loads(arguments.table.read_text())))
        return
    record: dict[str, Any] = {"machine": machine(), "points": arguments.points, "results": {}}
    with jax.enable_x64(True):
        everything = list(cases())
        count = arguments.points // len(everything)
        for seed, (name, dimension, components, process) in enumerate(everything):
            record["results"][name] = measure(dimension, components, process, count, seed)
            print(f"{name}: {summary([record['results'][name]])}", flush=True)
            if arguments.out:
                arguments.out.write_text(json.dumps(record))
    print(table(record))


if __name__ == "__main__":
    main()
