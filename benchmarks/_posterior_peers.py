"""Fits sbi's neural posterior estimator and writes its draws; run by ``posteriors.py`` in a Python that has sbi.

``python _posterior_peers.py FOLDER SEED DRAWS`` reads ``simulations.npz`` (theta, x, observed, and ``uniform`` or ``normal``: the
two numbers of every parameter's prior), writes ``draws.npy`` (observation, draw, parameter) and prints the seconds of training.
All settings are sbi's defaults.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from sbi.inference import NPE
from sbi.utils import BoxUniform


def main() -> None:
    folder, seed, draws = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(seed)
    held = {
        name: torch.as_tensor(own, dtype=torch.float32) for name, own in np.load(folder / "simulations.npz").items()
    }
    if "uniform" in held:
        prior = BoxUniform(*held["uniform"].T)
    else:
        prior = torch.distributions.Independent(torch.distributions.Normal(*held["normal"].T), 1)
    began = time.monotonic()
    estimator = NPE(prior)
    estimator.append_simulations(held["theta"], held["x"]).train()
    print(f"\n{time.monotonic() - began}")  # sbi leaves its own line open
    posterior = estimator.build_posterior()
    drawn = [posterior.sample((draws,), x=row, show_progress_bars=False).numpy() for row in held["observed"]]
    np.save(folder / "draws.npy", np.stack(drawn))


if __name__ == "__main__":
    main()
