"""Five simulators with priors, and two independent samplers of the posterior of each.

The laws are those of Lueckmann et al. (2021), *Benchmarking simulation-based inference*: two moons, Gaussian linear, Gaussian
mixture, SLCP and Bernoulli GLM. Where the prior is not independent (GLM), the parameters are its whitened coordinates, and draws
are compared in those of the task.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from scorax.tables import Normal, Uniform

Sampler = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Task:
    """A simulator.

    Attributes:
        prior: of every parameter.
        simulate: parameters (n, p) to observations (n, d).
        references: two samplers of the posterior, by name.
        shown: parameters to the coordinates that draws are compared in.
    """

    prior: tuple[Any, ...]
    simulate: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    references: dict[str, Sampler]
    shown: Callable[[np.ndarray], np.ndarray] = lambda theta: theta

    def draw(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Parameters from the prior."""
        return np.column_stack([prior.inverse(random.normal(size=count)) for prior in self.prior])


def chains(
    log_density: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    steps: int,
    random: np.random.Generator,
    jumps: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
) -> np.ndarray:
    """The ends of many chains of differential evolution (ter Braak 2006), with symmetric jumps among modes every fifth step."""
    x, (count, d) = start.copy(), start.shape
    value = log_density(x)
    for step in range(steps):
        half = random.permutation(count)
        for own, other in ((half[: count // 2], half[count // 2 :]), (half[count // 2 :], half[: count // 2])):
            if jumps is not None and step % 5 == 4:
                proposed = jumps(x[own], random)
            else:
                a, b = random.choice(other, size=(2, len(own)))
                scale = np.where(random.uniform(size=(len(own), 1)) < 0.1, 1.0, 2.38 / math.sqrt(2 * d))
                scale = scale * random.uniform(0.3, 1.0, size=(len(own), 1))
                proposed = x[own] + scale * (x[a] - x[b]) + 1e-5 * random.normal(size=(len(own), d))
            found = log_density(proposed)
            taken = np.log(random.uniform(size=len(own))) < found - value[own]
            x[own[taken]], value[own[taken]] = proposed[taken], found[taken]
    return x


def resampled(
    log_likelihood: Callable[[np.ndarray], np.ndarray],
    prior: Callable[[int, np.random.Generator], np.ndarray],
    count: int,
    random: np.random.Generator,
) -> np.ndarray:
    """Draws of the prior, by their likelihood: where chains begin."""
    drawn = prior(400_000, random)
    weight = log_likelihood(drawn)
    weight = np.exp(weight - weight.max())
    return drawn[random.choice(len(drawn), count, p=weight / weight.sum())]


def _inside(theta: np.ndarray, end: float) -> np.ndarray:
    return np.where(np.all(np.abs(theta) <= end, axis=1), 0.0, -np.inf)


def two_moons() -> Task:
    def simulate(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
        angle = random.uniform(-np.pi / 2, np.pi / 2, len(theta))
        r = random.normal(0.1, 0.01, len(theta))
        p = np.column_stack([r * np.cos(angle) + 0.25, r * np.sin(angle)])
        turned = np.column_stack([-np.abs(theta.sum(axis=1)), theta[:, 1] - theta[:, 0]]) / math.sqrt(2)
        return p + turned

    def exact(x: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        found = np.zeros((0, 2))
        while len(found) < count:
            q = (x - simulate(np.zeros((count, 2)), random)) * math.sqrt(2)
            total = q[:, 0] * random.choice([-1, 1], count)
            theta = np.column_stack([total - q[:, 1], total + q[:, 1]]) / 2
            kept = (q[:, 0] <= 0) & (np.abs(theta) <= 1).all(axis=1)
            found = np.concatenate([found, theta[kept]])
        return found[:count]

    def by_chains(x: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        def log_likelihood(theta: np.ndarray) -> np.ndarray:
            turned = np.column_stack([-np.abs(theta.sum(axis=1)), theta[:, 1] - theta[:, 0]]) / math.sqrt(2)
            p = x - turned - [0.25, 0]
            r = np.maximum(np.hypot(*p.T), 1e-12)
            return np.where(p[:, 0] > 0, -0.5 * ((r - 0.1) / 0.01) ** 2 - np.log(r), -np.inf)

        def prior(n: int, random: np.random.Generator) -> np.ndarray:
            return random.uniform(-1, 1, (n, 2))

        def across(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
            return -theta[:, ::-1]

        start = resampled(log_likelihood, prior, count, random)
        return chains(lambda theta: log_likelihood(theta) + _inside(theta, 1), start, 1000, random, across)

    return Task((Uniform(-1, 1),) * 2, simulate, {"rejection": exact, "chains": by_chains})


def linear_gaussian() -> Task:
    deviation = math.sqrt(0.1)

    def simulate(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return theta + deviation * random.normal(size=theta.shape)

    def exact(x: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        return x / 2 + math.sqrt(0.05) * random.normal(size=(count, 10))

    def by_chains(x: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        def log_density(theta: np.ndarray) -> np.ndarray:
            return -5 * (np.square(theta - x).sum(axis=1) + np.square(theta).sum(axis=1))

        return chains(log_density, deviation * random.normal(size=(count, 10)), 600, random)

    return Task((Normal(0, deviation),) * 10, simulate, {"closed form": exact, "chains": by_chains})


def gaussian_mixture() -> Task:
    def simulate(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return theta + random.choice([1.0, 0.1], (len(theta), 1)) * random.normal(size=theta.shape)

    def exact(x: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        found = np.zeros((0, 2))
        while len(found) < count:
            theta = simulate(np.tile(x, (count, 1)), random)
            found = np.concatenate([found, theta[np.abs(theta).max(axis=1) <= 10]])
        return found[:count]

    def by_chains(x: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        def log_density(theta: np.ndarray) -> np.ndarray:
            far = -0.5 * np.square(theta - x).sum(axis=1)
            return np.logaddexp(far, 100 * far + math.log(100)) + _inside(theta, 10)

        def jump(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
            return theta + random.choice([0.1, 1.0], (len(theta), 1)) * random.normal(size=theta.shape)

        start = resampled(log_density, lambda n, r: r.uniform(-10, 10, (n, 2)), count, random)
        return chains(log_density, start, 1000, random, jump)

    return Task((Uniform(-10, 10),) * 2, simulate, {"rejection": exact, "chains": by_chains})


def slcp() -> Task:
    def simulate(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
        s1, s2, rho = theta[:, 2] ** 2, theta[:, 3] ** 2, np.tanh(theta[:, 4])
        noise = random.normal(size=(len(theta), 4, 2))
        first = theta[:, :1] + s1[:, None] * noise[:, :, 0]
        both = rho[:, None] * noise[:, :, 0] + np.sqrt(1 - rho**2)[:, None] * noise[:, :, 1]
        return np.stack([first, theta[:, 1:2] + s2[:, None] * both], axis=2).reshape(-1, 8)

    def log_likelihood(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        s1, s2, rho = theta[:, 2] ** 2 + 1e-9, theta[:, 3] ** 2 + 1e-9, np.tanh(theta[:, 4])
        points = x.reshape(4, 2)
        a, b = ((points[:, j] - theta[:, j, None]) / s[:, None] for j, s in ((0, s1), (1, s2)))
        left = 1 - rho**2
        quadratic = (a * a + b * b - 2 * rho[:, None] * a * b).sum(axis=1) / left
        return -0.5 * quadratic - 4 * np.log(s1 * s2) - 2 * np.log(left)

    def by_chains(x: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        def flip(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
            return theta * np.column_stack(
                [np.ones((len(theta), 2)), random.choice([-1, 1], (len(theta), 2)), np.ones(len(theta))]
            )

        start = resampled(lambda t: log_likelihood(t, x), lambda n, r: r.uniform(-3, 3, (n, 5)), count, random)
        return chains(lambda t: log_likelihood(t, x) + _inside(t, 3), start, 2000, random, flip)

    def by_cells(x: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        """Scales and correlation from cells of a grid, corrected by rejection; then the mean, a truncated normal law."""
        points = x.reshape(4, 2)
        mean = points.mean(axis=0)
        scatter = (points - mean).T @ (points - mean)

        def marginal(own: np.ndarray) -> np.ndarray:
            s1, s2, rho = own[:, 0] ** 2 + 1e-9, own[:, 1] ** 2 + 1e-9, np.tanh(own[:, 2])
            left = 1 - rho**2
            quadratic = scatter[0, 0] / s1**2 + scatter[1, 1] / s2**2 - 2 * rho * scatter[0, 1] / (s1 * s2)
            return -0.5 * quadratic / left - 3 * np.log(s1 * s2) - 1.5 * np.log(left)

        sides = [np.linspace(0, 3, 161), np.linspace(0, 3, 161), np.linspace(-3, 3, 161)]
        centers = np.stack(np.meshgrid(*[(s[1:] + s[:-1]) / 2 for s in sides], indexing="ij"), axis=-1).reshape(-1, 3)
        width = np.array([s[1] - s[0] for s in sides])
        value = marginal(centers)
        weight = np.exp(value - value.max())
        ends = np.cumsum(weight / weight.sum())
        found = np.zeros((0, 5))
        while len(found) < count:
            cell = np.minimum(np.searchsorted(ends, random.uniform(size=8 * count)), len(centers) - 1)
            own = centers[cell] + width * random.uniform(-0.5, 0.5, (len(cell), 3))
            # Inside a cell the density is at most e^2 times that of its centre but in cells without weight.
            kept = np.log(random.uniform(size=len(cell))) < marginal(own) - value[cell] - 2
            own = own[kept]
            s1, s2, rho = own[:, 0] ** 2, own[:, 1] ** 2, np.tanh(own[:, 2])
            noise = random.normal(size=(len(own), 2)) / 2
            first = mean[0] + s1 * noise[:, 0]
            second = mean[1] + s2 * (rho * noise[:, 0] + np.sqrt(1 - rho**2) * noise[:, 1])
            theta = np.column_stack([first, second, own[:, :2] * random.choice([-1, 1], (len(own), 2)), own[:, 2]])
            found = np.concatenate([found, theta[(np.abs(theta[:, :2]) <= 3).all(axis=1)]])
        return found[:count]

    return Task((Uniform(-3, 3),) * 5, simulate, {"cells": by_cells, "chains": by_chains})


def bernoulli_glm() -> Task:
    bins, size = 100, 9
    stimulus = np.random.default_rng(42).normal(size=bins)
    lagged = [np.concatenate([np.zeros(k), stimulus[: bins - k]]) for k in range(size)]
    design = np.column_stack([np.ones(bins), *lagged])
    differences = np.eye(size) - np.eye(size, k=-1)
    smooth = differences @ differences + np.diag(np.sqrt(np.arange(size) / size))
    precision = np.zeros((10, 10))
    precision[0, 0], precision[1:, 1:] = 0.5, smooth.T @ smooth
    root = np.linalg.cholesky(np.linalg.inv(precision))
    seen = design @ root

    def simulate(z: np.ndarray, random: np.random.Generator) -> np.ndarray:
        spikes = random.uniform(size=(len(z), bins)) < expit(z @ seen.T)
        return spikes @ design

    def statistic(x: np.ndarray) -> np.ndarray:
        return x @ root

    def log_density(z: np.ndarray, x: np.ndarray) -> np.ndarray:
        return z @ statistic(x) - np.logaddexp(0, z @ seen.T).sum(axis=1) - 0.5 * np.square(z).sum(axis=1)

    def by_laplace(x: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        """Independent proposals from Student's law around the mode, taken by Metropolis and Hastings' rule."""
        mode, hessian = np.zeros(10), np.eye(10)
        for _ in range(50):
            p = expit(seen @ mode)
            hessian = (seen * (p * (1 - p))[:, None]).T @ seen + np.eye(10)
            mode = mode + np.linalg.solve(hessian, statistic(x) - seen.T @ p - mode)
        scale, freedom = np.linalg.cholesky(np.linalg.inv(hessian)), 10

        def proposed() -> tuple[np.ndarray, np.ndarray]:
            w = random.normal(size=(count, 10)) * np.sqrt(freedom / random.chisquare(freedom, (count, 1)))
            z = mode + w @ scale.T
            return z, log_density(z, x) + (freedom + 10) / 2 * np.log1p(np.square(w).sum(axis=1) / freedom)

        z, value = proposed()
        for _ in range(60):
            other, found = proposed()
            taken = np.log(random.uniform(size=count)) < found - value
            z, value = np.where(taken[:, None], other, z), np.where(taken, found, value)
        return z

    def by_polya_gamma(x: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        """Gibbs sampling with Polya-Gamma variables (Polson, Scott and Windle 2013): sums of 24 gammas, and of the rest one."""
        z, terms, kappa = np.zeros((count, 10)), 24, statistic(x) - 0.5 * seen.sum(axis=0)
        for _ in range(40):
            c = np.maximum(np.abs(z @ seen.T), 1e-2)  # the law is even in c, and as good as that at zero below
            mean = np.tanh(c / 2) / (2 * c)
            variance = (np.sinh(c) - c) / (4 * c**3 * np.cosh(c / 2) ** 2)
            omega = np.zeros_like(c)
            for k in range(terms):
                rate = 2 * math.pi**2 * ((k + 0.5) ** 2 + np.square(c / (2 * math.pi)))
                omega += random.exponential(size=c.shape) / rate
                mean, variance = mean - 1 / rate, variance - 1 / rate**2
            omega += random.gamma(mean**2 / variance) * variance / mean
            for start in range(0, count, 1000):
                own = slice(start, start + 1000)
                inverse = np.einsum("nt,ti,tj->nij", omega[own], seen, seen, optimize=True) + np.eye(10)
                covariance = np.linalg.inv(inverse)
                noise = np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), random.normal(size=(len(inverse), 10)))
                z[own] = covariance @ kappa + noise
        return z

    return Task(
        (Normal(0, 1),) * 10,
        simulate,
        {"independence sampler": by_laplace, "Polya-Gamma": by_polya_gamma},
        shown=lambda z: z @ root.T,
    )


TASKS = {
    "two moons": two_moons,
    "linear Gaussian": linear_gaussian,
    "Gaussian mixture": gaussian_mixture,
    "SLCP": slcp,
    "Bernoulli GLM": bernoulli_glm,
}
