"""How far is a training on two devices from that on one? Weights, with the same rows and the same noise.

A batch is summed in two parts, so a gradient differs in its last bits, and the optimiser carries that on: for descent with a
fixed rate, and for AdamW, which divides by a root of squared gradients. The processor counts as two devices.
"""

import os

os.environ["JAX_NUM_CPU_DEVICES"] = "2"

import jax
import numpy as np
import optax

from _machine import described, machine
from scorax.models import Denoiser
from scorax.networks import MLP
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import EDM
from scorax.training import FitOptions, TrainState, fit

STEPS = (1, 10, 100, 1000)
DIMENSION, WIDTH, DEPTH, BATCH = 8, 64, 2, 256
KEY = jax.random.key(0)


def states(optimizer: optax.GradientTransformation, devices: int) -> dict[int, TrainState]:
    rows = np.random.default_rng(0).standard_normal((2000, DIMENSION)).astype(np.float32)
    mesh = jax.make_mesh((devices,), ("data",), devices=jax.devices()[:devices])
    model = Denoiser(MLP(DIMENSION, width=WIDTH, depth=DEPTH, key=KEY), EDM())
    options = FitOptions(BATCH, 1, mesh=mesh)
    trained = fit(model, DenoisingScoreMatching(), rows, optimizer, key=KEY, num_steps=max(STEPS), options=options)
    return {int(state.step): jax.device_get(state) for state in trained if int(state.step) in STEPS}


def main() -> None:
    for name, optimizer in {"descent at 0.05": optax.sgd(0.05), "AdamW at 1e-3": optax.adamw(1e-3)}.items():
        one, two = (states(optimizer, devices) for devices in (1, 2))
        for step in STEPS:
            a, b = (np.concatenate([np.ravel(x) for x in jax.tree.leaves(s[step].weights)]) for s in (one, two))
            print(
                f"{name}, step {step}: weights differ by {np.linalg.norm(a - b) / np.linalg.norm(a):.1e} of their norm"
            )
    print(described(machine()))


if __name__ == "__main__":
    main()
