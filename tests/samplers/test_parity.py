"""Step-by-step agreement with diffusers' schedulers and k-diffusion's samplers: one start, one noise, one grid, one
closed-form denoiser.

Where a peer is installed (the ``peers`` group) it runs here; elsewhere its trajectories come from ``parity.npz``, which
``python tests/samplers/test_parity.py`` writes where both are.
"""

import dataclasses
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from oracles import mixture
from scorax.processes import AbstractProcess, Tabulated
from scorax.samplers import DDIM, DDPM, AbstractGrid, DPMSolver, Heun, Node, TweedieMean, UniPC, nodes
from scorax.targets import ExactDenoiser

STORED = Path(__file__).parent / "parity.npz"
BETAS = np.linspace(1e-3, 0.08, 100)
COARSE = np.arange(90, -1, -10)
"""Indices of the table that ten steps visit, the noisiest first."""
RATIOS = np.sqrt(1 / np.cumprod(1 - BETAS) - 1)
CHAIN = {"num_train_timesteps": 100, "beta_start": 1e-3, "beta_end": 0.08, "beta_schedule": "linear"}


class Times(AbstractGrid):
    """The nodes of given indices of a table of a hundred."""

    indices: tuple[int, ...]

    def times(self, process: AbstractProcess, num_steps: int) -> np.ndarray:
        return (np.array(self.indices) + 1) / 100


def start(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 2))


def noises(steps: int) -> np.ndarray:
    """Standard normal noise for every step, that of our own keys."""
    keys = jax.random.split(jax.random.key(7), steps)
    with jax.enable_x64(True):
        return np.stack([np.asarray(jax.random.normal(key, (2,), jnp.float64)) for key in keys])


def ours(sampler: Any, process: Tabulated, x: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """States at the nodes for every start, with the same noise in every row, and the denoised last state."""
    with jax.enable_x64(True):
        first, last = (float(indices[i] + 1) / 100 for i in (0, -1))
        cut = dataclasses.replace(process, t0=last, t1=first)  # the denoising step starts at the last node
        model = ExactDenoiser.create(mixture(), cut)
        grid = nodes(Times(tuple(int(i) for i in indices)), cut, len(indices) - 1, jnp.dtype("float64"))
        pairs = (jax.tree.map(lambda n: n[:-1], grid), jax.tree.map(lambda n: n[1:], grid))
        keys = jax.random.split(jax.random.key(7), len(indices) - 1)

        def walk(row: jax.Array) -> tuple[jax.Array, jax.Array]:
            def body(state: Any, xs: tuple[Node, Node, Any]) -> tuple[Any, jax.Array]:
                t, s, key = xs
                y, memory = sampler.advance(model, *state, t, s, None, key=key)
                return (y, memory), y

            (end, _), states = jax.lax.scan(body, (row, sampler.begin(row)), (*pairs, keys))
            return jnp.concatenate([row[None], states]), TweedieMean()(model, end, key=keys[0])

        states, clean = jax.jit(jax.vmap(walk))(jnp.asarray(x, jnp.float64))
        return np.concatenate([states, clean[:, None]], axis=1)


def table() -> Tabulated:
    return Tabulated.from_betas(BETAS)


def ladder() -> Tabulated:
    """The same noise-to-signal ratios in the coordinates x / alpha, which some schedulers use."""
    return Tabulated.from_sigmas(RATIOS)


def denoise(process: Tabulated, x: np.ndarray, index: int) -> Any:
    with jax.enable_x64(True):
        model = ExactDenoiser.create(mixture(), process)
        return jax.vmap(lambda row: model.predict(jnp.asarray((index + 1) / 100), row))(jnp.asarray(x, jnp.float64))


def stepped(scheduler: Any, module: str, x: np.ndarray, process: Tabulated, output: str, **options: Any) -> np.ndarray:
    """Trajectory of a scheduler, its noise replaced by ours; ``x`` in the coordinates of ``process``."""
    import torch

    home = sys.modules[f"diffusers.schedulers.{module}"]
    noise = iter(noises(200))
    drawn = getattr(home, "randn_tensor", None)
    if drawn is not None:
        home.randn_tensor = lambda shape, **_: torch.tensor(np.broadcast_to(next(noise), tuple(shape)).copy())
    try:
        states, sample = [x], torch.tensor(x)
        for t in scheduler.timesteps:
            index = round(float(t))
            prediction = denoise(process, sample.numpy(), index)
            value = torch.tensor(np.asarray(getattr(prediction, output)))
            scheduler.is_scale_input_called = True  # the field is in the scheduler's own coordinates already
            sample = scheduler.step(value, t, sample, **options).prev_sample.double()
            states.append(sample.numpy())
        return np.stack(states, axis=1)
    finally:
        if drawn is not None:
            home.randn_tensor = drawn


def theirs(name: str) -> np.ndarray:
    """Trajectory of diffusers' scheduler from our start."""
    import diffusers

    x = start()
    if name.startswith("DDPM"):
        kind = "fixed_small" if name == "DDPM posterior" else "fixed_large"
        scheduler = diffusers.DDPMScheduler(**CHAIN, variance_type=kind, clip_sample=False, prediction_type="sample")
        scheduler.set_timesteps(100)
        return stepped(scheduler, "scheduling_ddpm", x, table(), "x0")
    if name.startswith("DDIM"):
        scheduler = diffusers.DDIMScheduler(**CHAIN, clip_sample=False, prediction_type="sample")
        scheduler.set_timesteps(10)
        return stepped(scheduler, "scheduling_ddim", x, table(), "x0", eta=float(name[-1]))
    if name == "DPMSolver":
        scheduler = diffusers.DPMSolverMultistepScheduler(
            **CHAIN, prediction_type="sample", lower_order_final=True, timestep_spacing="leading"
        )
        scheduler.set_timesteps(10)
        return stepped(scheduler, "scheduling_dpmsolver_multistep", x, table(), "x0")
    if name.startswith("UniPC"):
        scheduler = diffusers.UniPCMultistepScheduler(
            **CHAIN,
            prediction_type="sample",
            lower_order_final=True,
            solver_order=int(name[-1]),
            timestep_spacing="leading",
        )
        scheduler.set_timesteps(10)
        return stepped(scheduler, "scheduling_unipc_multistep", x, table(), "x0")
    x = x * RATIOS[90]
    if name == "Euler ancestral":
        scheduler = diffusers.EulerAncestralDiscreteScheduler(**CHAIN, timestep_spacing="leading")
        scheduler.set_timesteps(10)
        return stepped(scheduler, "scheduling_euler_ancestral_discrete", x, ladder(), "noise")
    scheduler = diffusers.HeunDiscreteScheduler(**CHAIN, timestep_spacing="leading")
    scheduler.set_timesteps(10)
    states = stepped(scheduler, "scheduling_heun_discrete", x, ladder(), "noise")
    return np.concatenate([states[:, :1], states[:, 2::2], states[:, -1:]], axis=1)  # after both halves of each step


def walked(name: str) -> np.ndarray:
    """Trajectory of k-diffusion's sampler from our start, at ratios that end at zero."""
    import torch
    from k_diffusion import sampling

    def model(x: Any, sigma: Any) -> Any:
        index = int(np.argmin(np.abs(RATIOS - float(sigma[0]))))
        return torch.tensor(np.asarray(denoise(ladder(), x.numpy(), index).x0))

    noise = iter(noises(9))
    drawn = {"noise_sampler": lambda *_: torch.tensor(np.broadcast_to(next(noise), (3, 2)).copy())}
    method, options = {
        "k Euler": (sampling.sample_euler, {}),
        "k Heun": (sampling.sample_heun, {}),
        "k Euler ancestral": (sampling.sample_euler_ancestral, drawn),
        "k DPM-Solver": (sampling.sample_dpmpp_2m, {}),
        "k DPM-Solver, SDE": (sampling.sample_dpmpp_2m_sde, {"solver_type": "midpoint", **drawn}),
    }[name]
    states: list[np.ndarray] = []
    ratios = torch.tensor([*RATIOS[COARSE], 0.0], dtype=torch.float64)
    last = method(
        model,
        torch.tensor(start() * RATIOS[90]),
        ratios,
        callback=lambda at: states.append(at["x"].numpy().copy()),
        disable=True,
        **options,
    )
    return np.stack([*states, last.numpy()], axis=1)


def climbed(sampler: Any) -> np.ndarray:
    """Ours on the same ratios."""
    return ours(sampler, ladder(), start() * RATIOS[90], COARSE)


CASES: dict[str, Callable[[], np.ndarray]] = {
    "DDPM posterior": lambda: ours(DDPM(99), table(), start(), np.arange(99, -1, -1)),
    "DDPM forward": lambda: ours(DDPM(99, variance="forward"), table(), start(), np.arange(99, -1, -1)),
    "DDIM 0": lambda: ours(DDIM(9), table(), start(), COARSE),
    "DDIM 1": lambda: ours(DDIM(9, eta=1.0), table(), start(), COARSE),
    "DPMSolver": lambda: ours(DPMSolver(9), table(), start(), np.arange(90, 8, -9)),
    **{
        f"UniPC {order}": lambda order=order: ours(UniPC(9, order=order), table(), start(), np.arange(90, 8, -9))
        for order in (1, 2, 3)
    },
    "Euler ancestral": lambda: climbed(DDPM(9)),
    "Heun": lambda: climbed(Heun(9)),
    "k Euler": lambda: climbed(DDIM(9)),
    "k Heun": lambda: climbed(Heun(9)),
    "k Euler ancestral": lambda: climbed(DDPM(9)),
    "k DPM-Solver": lambda: climbed(DPMSolver(9)),
    "k DPM-Solver, SDE": lambda: climbed(DPMSolver(9, stochastic=True)),
}


def reference_of(name: str) -> np.ndarray:
    """The peer's trajectory, from itself where it is installed."""
    peer, run = ("k_diffusion", walked) if name.startswith("k ") else ("diffusers", theirs)
    return run(name) if importlib.util.find_spec(peer) else np.load(STORED)[name]


LONG = ("DDPM forward", "DDIM 1", "k Euler ancestral", "k DPM-Solver, SDE")
"""Those whose other setting is in every run; CI runs them, and test_stochastic.py has their variances in closed form."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in CASES])
def test_every_step_is_that_of_the_peer(name):
    """All states, and the denoised last one; diffusers holds its tables in float32."""
    reference, answer = reference_of(name), CASES[name]()
    assert reference.shape == answer.shape
    kept = slice(9 if name == "UniPC 3" else None)  # theirs lowers the order at the end
    answer, reference = answer[:, kept], reference[:, kept]
    rounding = {"rtol": 1e-8, "atol": 1e-9} if name.startswith("k ") else {"rtol": 2e-4, "atol": 2e-5}
    np.testing.assert_allclose(answer, reference, **rounding)


if __name__ == "__main__":
    np.savez(STORED, **{name: reference_of(name) for name in CASES})
