"""How likely are held-out rows to a neural spline flow, on the splits of ``density.py``?

``python benchmarks/spline_flow.py --data digits --seeds 5,6`` fits zuko's autoregressive rational-quadratic flow to four fifths
of the training rows with each of some settings, stops each where the other fifth is likeliest, and scores the test rows once by
the setting that has the likeliest validation rows. Nats per row in the units of ``density.py``, so that its table stands beside.
Needs torch and zuko.
"""

import argparse
import copy
import itertools
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import zuko

from _density_data import TABLES, TOYS, split
from _machine import described, machine
from density import seeds_of

BATCH, MOST_EPOCHS, PATIENCE, RATE = 64, 400, 30, 1e-3


@dataclass(frozen=True)
class Setting:
    """What is tried.

    Attributes:
        transforms: autoregressive steps.
        width: of both hidden layers of each.
        decay: AdamW's weight decay.
        noise: standard deviation of the noise that is added to rows of a batch.
    """

    transforms: int
    width: int
    decay: float
    noise: float


SETTINGS = [Setting(*each) for each in itertools.product((1, 2), (64, 128), (1e-2,), (0.0, 0.1))]


def flow_of(setting: Setting, columns: int) -> torch.nn.Module:
    return zuko.flows.NSF(columns, transforms=setting.transforms, hidden_features=(setting.width,) * 2, bins=8)


def mean_log_prob(flow: torch.nn.Module, rows: torch.Tensor) -> float:
    with torch.no_grad():
        return float(flow().log_prob(rows).mean())


def fitted(setting: Setting, rows: torch.Tensor, held: torch.Tensor, seed: int) -> tuple[torch.nn.Module, float]:
    """The flow at the epoch whose held rows are likeliest, and their mean log-density."""
    torch.manual_seed(seed)
    flow = flow_of(setting, rows.shape[1])
    optimiser = torch.optim.AdamW(flow.parameters(), lr=RATE, weight_decay=setting.decay)
    best, found, since = -np.inf, copy.deepcopy(flow), 0
    for _ in range(MOST_EPOCHS):
        for batch in rows[torch.randperm(len(rows))].split(BATCH):
            optimiser.zero_grad()
            loss = -flow().log_prob(batch + setting.noise * torch.randn_like(batch)).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
            optimiser.step()
        score = mean_log_prob(flow, held)
        best, found, since = (score, copy.deepcopy(flow), 0) if score > best else (best, found, since + 1)
        if since >= PATIENCE:
            break
    return found, best


def scored(data: str, seed: int) -> dict[str, object]:
    rows = split(data, seed)
    train, test = (torch.tensor(part, dtype=torch.float32) for part in (rows.train, rows.test))
    kept = round(0.8 * len(train))  # rows of a split are shuffled
    began, tried = time.monotonic(), []
    for setting in SETTINGS:
        flow, score = fitted(setting, train[:kept], train[kept:], seed)
        print(f"{data}, split {seed}: {setting}: validation {score:.2f}", flush=True)
        tried.append((score, setting, flow))
    validation, setting, flow = max(tried, key=lambda one: one[0])
    return {
        "data": data,
        "seed": seed,
        "test": mean_log_prob(flow, test),
        "validation": validation,
        "setting": asdict(setting),
        "seconds": time.monotonic() - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=(*TABLES, *TOYS), default="digits")
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("5-14"), help="such as 5-14 or 0,2 (default 5-14)")
    parser.add_argument("--out", type=Path, default=Path("spline_flow.json"))
    options = parser.parse_args()
    found = {"machine": machine("torch", "zuko"), "records": []}
    for seed in options.seeds:
        found["records"].append(scored(options.data, seed))
        print(found["records"][-1], flush=True)
        options.out.write_text(json.dumps(found, indent=1))
    print(described(found["machine"]))


if __name__ == "__main__":
    main()
