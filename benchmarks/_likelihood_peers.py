"""Log-densities by torch packages on the fields of ``likelihood.py``; every one in the clock it is used with.

All integrate the same deterministic flow between the same two noise levels and end on the same Gaussian, so that they compute
one number. Only the clock, the solver, its error norm and the way to the divergence are theirs.
"""

import abc
import dataclasses
import math
from collections.abc import Callable

import numpy as np
import torch
from flow_matching.solver import ODESolver
from scipy.integrate import solve_ivp
from zuko.transforms import FreeFormJacobianTransform

from _torch_mixture import Mixture
from scorax.models import Denoiser
from scorax.networks import MLP
from scorax.processes import GaussianLaw
from scorax.targets import ExactDenoiser

torch.set_flush_denormal(True)  # far components otherwise cost torch an order of magnitude in time

Levels = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""``alpha``, ``sigma`` and their derivatives in the clock."""


class Clock(abc.ABC):
    """Noise levels over [0, 1], from ``sigma / alpha = low`` to ``high``."""

    def __init__(self, low: float, high: float) -> None:
        self.first, self.last = self.time_of(low), self.time_of(high)

    @abc.abstractmethod
    def time_of(self, ratio: float) -> float:
        """Own time of a ratio ``sigma / alpha``."""

    @abc.abstractmethod
    def levels(self, time: torch.Tensor) -> Levels:
        """Levels and rates at the clock's own time."""

    def __call__(self, t: torch.Tensor) -> Levels:
        span = self.last - self.first
        alpha, sigma, alpha_rate, sigma_rate = self.levels(self.first + span * t)
        return alpha, sigma, span * alpha_rate, span * sigma_rate


class Straight(Clock):
    """``alpha = 1 - s``, ``sigma = s``: the path of flow matching."""

    def time_of(self, ratio: float) -> float:
        return ratio / (1 + ratio)

    def levels(self, time: torch.Tensor) -> Levels:
        one = torch.ones_like(time)
        return 1 - time, time, -one, one


class Exploding(Clock):
    """``alpha = 1``, ``log sigma = s``: the VE process."""

    def time_of(self, ratio: float) -> float:
        return math.log(ratio)

    def levels(self, time: torch.Tensor) -> Levels:
        sigma = torch.exp(time)
        return torch.ones_like(time), sigma, torch.zeros_like(time), sigma


class Preserving(Clock):
    """The VP process with rates from 0.1 to 20."""

    def time_of(self, ratio: float) -> float:
        integral = math.log1p(ratio**2)
        return 2 * integral / (0.1 + math.sqrt(0.01 + 2 * 19.9 * integral))

    def levels(self, time: torch.Tensor) -> Levels:
        rate, integral = 0.1 + 19.9 * time, 0.1 * time + 9.95 * time**2
        alpha, sigma = torch.exp(-0.5 * integral), torch.sqrt(-torch.expm1(-integral))
        return alpha, sigma, -0.5 * rate * alpha, 0.5 * rate * alpha**2 / sigma


class Angle(Clock):
    """``alpha = cos s``, ``sigma = sin s``: scorax's variable, to tell the clock from the rest."""

    def time_of(self, ratio: float) -> float:
        return math.atan(ratio)

    def levels(self, time: torch.Tensor) -> Levels:
        alpha, sigma = torch.cos(time), torch.sin(time)
        return alpha, sigma, -sigma, alpha


class Network:
    """A ``Denoiser`` with an ``MLP`` and the parametrization of Karras et al. at data scale 1, with the same weights."""

    def __init__(self, model: Denoiser) -> None:
        network = model.network
        assert isinstance(network, MLP)
        self.layers = [(torch.tensor(np.array(n.weight)), torch.tensor(np.array(n.bias))) for n in network.layers]
        self.frequencies = torch.tensor(np.geomspace(0.125, 4.0, network.num_frequencies), dtype=torch.float32)

    def velocity(
        self,
        x: torch.Tensor,
        alpha: torch.Tensor,
        sigma: torch.Tensor,
        alpha_rate: torch.Tensor | float,
        sigma_rate: torch.Tensor | float,
    ) -> torch.Tensor:
        """``alpha_rate x0 + sigma_rate noise`` of the prediction."""
        square = alpha**2 + sigma**2
        radius = torch.sqrt(square)
        phase = self.frequencies * (8 * torch.tanh((torch.log(sigma) - torch.log(alpha)) / 8))
        features = torch.cat([torch.sin(phase), torch.cos(phase)])
        *hidden, (weight, bias) = self.layers
        (first, start), *hidden = hidden
        d = x.shape[-1]
        # The noise level is the same for all rows: its part of the first layer is one more bias.
        h = torch.nn.functional.silu(torch.addmm(start + features @ first[d:], x / radius, first[:d]))
        for matrix, shift in hidden:
            h = torch.nn.functional.silu(torch.addmm(shift, h, matrix))
        output = torch.addmm(bias, h, weight)
        along = (alpha_rate * alpha + sigma_rate * sigma) / square
        across = (alpha_rate * sigma - sigma_rate * alpha) / radius
        return along * x + across * output


def torch_field(model: ExactDenoiser | Denoiser) -> Mixture | Network:
    """The same field in torch."""
    return Mixture(model.target) if isinstance(model, ExactDenoiser) else Network(model)


class Field:
    """Velocity of the state in a clock, with a count of its evaluations."""

    def __init__(self, model: Mixture | Network, clock: Clock) -> None:
        self.model, self.clock, self.evaluations = model, clock, 0

    def __call__(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Velocity at ``t`` in [0, 1], data first."""
        self.evaluations += 1
        return self.model.velocity(x, *self.clock(t))


@dataclasses.dataclass(frozen=True)
class Problem:
    """Points ``x`` of the law at ``alpha = 1``, ``sigma = low``, whose log-density is asked for.

    ``moments`` is the law of the clean data to two moments, whose image at ``high`` is the end of the flow.
    """

    model: Mixture | Network
    x: torch.Tensor
    low: float
    high: float
    moments: GaussianLaw
    exact: bool

    def start(self, clock: Clock) -> tuple[torch.Tensor, float]:
        """State of the points in a clock, and what the change of scale adds to their log-density."""
        alpha = float(clock(torch.zeros(()))[0])
        return alpha * self.x, self.x.shape[-1] * math.log(alpha)

    def end(self, clock: Clock, state: torch.Tensor) -> torch.Tensor:
        """Log-density of the end."""
        alpha, sigma, _, _ = clock(torch.ones(()))
        mean, basis, variances = (
            torch.tensor(np.array(leaf)) for leaf in (self.moments.mean, self.moments.basis, self.moments.variances)
        )
        total = alpha**2 * variances + sigma**2
        white = (state - alpha * mean) @ basis
        constant = torch.log(2 * math.pi * total).sum()
        return -0.5 * ((white**2 / total).sum(-1) + constant)


SEED = 7
"""Of every random probe, so that the solve of a run can be judged against an exact one with the same probe."""

Answer = tuple[np.ndarray, float]
"""Log-densities, and evaluations of the field on all points."""


class Peer(abc.ABC):
    """A way to the log-densities."""

    def __init__(self, problem: Problem, clock: type[Clock]) -> None:
        self.problem, self.clock = problem, clock(problem.low, problem.high)

    def __call__(self, tolerance: float, seed: int = SEED) -> Answer:
        """Log-densities at one tolerance, relative and absolute."""
        field = Field(self.problem.model, self.clock)
        start, change = self.problem.start(self.clock)
        torch.manual_seed(seed)
        with torch.no_grad():
            value = self.solve(field, start, tolerance) + change
        return value.detach().numpy().astype(np.float64), float(field.evaluations)

    @abc.abstractmethod
    def solve(self, field: Field, start: torch.Tensor, tolerance: float) -> torch.Tensor:
        """Log-density of the start."""

    @abc.abstractmethod
    def probe(self) -> torch.Tensor:
        """The directions a run draws after the seed, for every point one."""

    @property
    def log_growth(self) -> float:
        """How much the logarithm of ``sqrt(alpha^2 + sigma^2)`` grows along the clock."""
        first, last = (torch.hypot(*self.clock(torch.tensor(t))[:2]) for t in (0.0, 1.0))
        return float(torch.log(last / first))

    def drawn(self) -> np.ndarray:
        """The directions of every run."""
        torch.manual_seed(SEED)
        return self.probe().numpy().astype(np.float64)


class FlowMatching(Peer):
    """``ODESolver.compute_likelihood`` of flow_matching: torchdiffeq's Dormand-Prince, one step for the batch."""

    def solve(self, field: Field, start: torch.Tensor, tolerance: float) -> torch.Tensor:
        def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return -field(1 - t, x)  # data are at time 1 there

        _, value = ODESolver(velocity).compute_likelihood(
            start,
            log_p0=lambda state: self.problem.end(self.clock, state),
            step_size=None,
            method="dopri5",
            atol=tolerance,
            rtol=tolerance,
            exact_divergence=self.problem.exact,
        )
        assert isinstance(value, torch.Tensor)
        return value

    def probe(self) -> torch.Tensor:
        return (torch.randn_like(self.problem.x) < 0) * 2.0 - 1.0


class Zuko(Peer):
    """``FreeFormJacobianTransform`` of zuko: its own Dormand-Prince, one step for the batch, the worst error decides."""

    def solve(self, field: Field, start: torch.Tensor, tolerance: float) -> torch.Tensor:
        transform = FreeFormJacobianTransform(field, atol=tolerance, rtol=tolerance, exact=self.problem.exact)
        state, change = transform.call_and_ladj(start)
        return self.problem.end(self.clock, state) + change

    def probe(self) -> torch.Tensor:
        return torch.randn_like(self.problem.x)


class ScoreSDE(Peer):
    """The loop of Song et al. (2021): scipy's RK45 in float64 over the flattened batch, field and divergence in torch.

    With ``together`` it takes that many directions in one solve, which theirs does not.
    """

    def __init__(self, problem: Problem, clock: type[Clock], together: int = 1) -> None:
        super().__init__(problem, clock)
        self.together = together

    def solve(self, field: Field, start: torch.Tensor, tolerance: float) -> torch.Tensor:
        count, d = start.shape
        probes = [] if self.problem.exact else [self.probe() for _ in range(self.together)]

        def derivative(t: float, state: np.ndarray) -> np.ndarray:
            x = torch.tensor(state[: count * d].reshape(count, d), dtype=start.dtype, requires_grad=True)
            with torch.enable_grad():
                velocity = field(torch.tensor(t), x)
                divergence = _along(velocity, x, probes) if probes else _exact(velocity, x)
            return np.concatenate([velocity.detach().numpy().ravel(), divergence.detach().numpy()]).astype(np.float64)

        first = np.concatenate([start.numpy().ravel(), np.zeros(count)]).astype(np.float64)
        end = solve_ivp(derivative, (0.0, 1.0), first, method="RK45", rtol=tolerance, atol=tolerance).y[:, -1]
        state = torch.tensor(end[: count * d].reshape(count, d), dtype=start.dtype)
        return self.problem.end(self.clock, state) + torch.tensor(end[count * d :])

    def probe(self) -> torch.Tensor:
        return torch.randint_like(self.problem.x, low=0, high=2) * 2 - 1.0


def _exact(velocity: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Divergence by one reverse-mode product for each coordinate."""
    total = torch.zeros(len(x))
    for i in range(x.shape[1]):
        total += torch.autograd.grad(velocity[:, i].sum(), x, retain_graph=True)[0][:, i]
    return total


def _along(velocity: torch.Tensor, x: torch.Tensor, probes: list[torch.Tensor]) -> torch.Tensor:
    """Hutchinson's estimate."""
    total = torch.zeros(len(x))
    for number, probe in enumerate(probes):
        last = number == len(probes) - 1
        total += (torch.autograd.grad((velocity * probe).sum(), x, retain_graph=not last)[0] * probe).sum(-1)
    return total / len(probes)


PEERS: dict[str, Callable[[Problem], Peer]] = {
    "flow_matching": lambda problem: FlowMatching(problem, Straight),
    "flow_matching, our clock": lambda problem: FlowMatching(problem, Angle),
    "zuko": lambda problem: Zuko(problem, Straight),
    "score_sde, VE": lambda problem: ScoreSDE(problem, Exploding),
    "score_sde, VP": lambda problem: ScoreSDE(problem, Preserving),
}


def use_threads(count: int) -> None:
    """As many threads as XLA has."""
    torch.set_num_threads(count)


def velocity_in_angle(problem: Problem, ratio: float) -> np.ndarray:
    """The field at all points and one noise level in scorax's variable, for a comparison with JAX."""
    levels = Angle(problem.low, problem.high).levels(torch.tensor(math.atan(ratio)))
    return problem.model.velocity(problem.x, *levels).numpy()
