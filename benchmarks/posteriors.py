"""How far are posteriors of a simulator from reference draws, at 10,000 simulations?

For each task a :class:`~scorax.ScorePosterior` is fitted once to 10,000 simulations and asked for 10,000 draws given each of ten
observations, whose parameters are drawn from the prior. A classifier that is trained to tell them from 10,000 reference draws is
right in a share of held-out draws (C2ST; .5 is indistinguishable): a random forest, and a perceptron on z-scored draws. The
reference is a sampler of our own, and a second one is told from it in the same way. Ranks of 1,000 further simulations say
whether the posteriors are calibrated.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier

from _machine import described, machine
from _posterior_tasks import TASKS, Task
from scorax import FitConfig, ScorePosterior
from scorax.spec import resolve
from scorax.tables import Normal, Uniform


def told_apart(x: np.ndarray, y: np.ndarray, *, perceptron: bool = True) -> tuple[float, float]:
    """Accuracy of the forest and of the perceptron, five folds, on draws z-scored by the reference ``y``."""
    rows = (np.concatenate([x, y]) - y.mean(axis=0)) / y.std(axis=0)
    labels = np.repeat([0, 1], [len(x), len(y)])
    folds, width = StratifiedKFold(5, shuffle=True, random_state=0), 10 * x.shape[1]
    forest = RandomForestClassifier(100, random_state=0, n_jobs=2)
    network = MLPClassifier((width, width), early_stopping=True, n_iter_no_change=50, max_iter=1000, random_state=0)
    found = float(cross_val_score(forest, rows, labels, cv=folds).mean())
    return found, float(cross_val_score(network, rows, labels, cv=folds).mean()) if perceptron else np.nan


def peer(
    task: Task, theta: np.ndarray, x: np.ndarray, observed: np.ndarray, options: argparse.Namespace
) -> tuple[float, np.ndarray] | None:
    """Seconds of the training of sbi's estimator and its draws; ``None`` with a word where that Python has no sbi."""
    if subprocess.run([options.peers, "-c", "import sbi"], capture_output=True).returncode:
        print(f"sbi: not installed in {options.peers}, skipped", file=sys.stderr)
        return None
    ends = {"uniform" if isinstance(task.prior[0], Uniform) else "normal": np.array([two(p) for p in task.prior])}
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "simulations.npz", theta=theta, x=x, observed=observed, allow_pickle=False, **ends)
        script = Path(__file__).with_name("_posterior_peers.py")
        command = [options.peers, str(script), folder, str(options.seed), str(options.draws)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout.split()[-1]), np.load(Path(folder) / "draws.npy")


def two(prior: Uniform | Normal) -> tuple[float, float]:
    """The two numbers of a prior."""
    return (prior.low, prior.high) if isinstance(prior, Uniform) else (prior.mean, prior.deviation)


def measured(name: str, options: argparse.Namespace) -> dict[str, Any]:
    task, random = TASKS[name](), np.random.default_rng(options.seed)
    theta = task.draw(options.simulations, random)
    x = task.simulate(theta, random)
    config = resolve(FitConfig, sets=options.set or ())
    began = time.monotonic()
    law = ScorePosterior(task.prior, config=config, random_state=options.seed, verbose=options.verbose).fit(theta, x)
    seconds = time.monotonic() - began
    print(f"{name}: fitted in {seconds:.0f} s, {law.n_iter_} steps, sigma_min {law.sigma_min_:g}", flush=True)
    fresh = np.random.default_rng(1000)
    observed = task.simulate(task.draw(10, fresh), fresh)[: options.observations]
    each, agreed, beside = [], [], []
    theirs = peer(task, theta, x, observed, options) if options.peers else None
    first, second = task.references.values()
    began = time.monotonic()
    drawn = law.sample(observed, options.draws, seed=1)
    sampled = (time.monotonic() - began) / len(observed)
    for k, row in enumerate(observed):
        reference = first(row, options.draws, np.random.default_rng(k))
        each.append(told_apart(task.shown(drawn[k]), task.shown(reference), perceptron=k < options.perceptrons))
        if theirs is not None:
            beside.append(
                told_apart(task.shown(theirs[1][k]), task.shown(reference), perceptron=k < options.perceptrons)
            )
        if k < options.checked:
            other = second(row, options.draws, np.random.default_rng(100 + k))
            agreed.append(told_apart(task.shown(other), task.shown(reference), perceptron=False))
        print(
            name,
            k,
            *[f"{value:.3f}" for value in (*each[-1], *(beside[k] if beside else ()))],
            *map(str, agreed[k : k + 1]),
            flush=True,
        )
    found: dict[str, Any] = {
        "seconds": seconds,
        "steps": law.n_iter_,
        "sampled": sampled,
        "forest": [a for a, _ in each],
        "perceptron": [b for _, b in each],
        "references": agreed,
    }
    if theirs is not None:
        found["sbi"] = {"seconds": theirs[0], "forest": [a for a, _ in beside], "perceptron": [b for _, b in beside]}
    if options.ranked:
        parameters = task.draw(options.ranked, fresh)
        ranks = law.calibrate(parameters, task.simulate(parameters, fresh))
        print(ranks, flush=True)
        found |= {"p_values": ranks.p_values.tolist(), "verdicts": ranks.verdicts}
    return found


def shown(shares: list[float]) -> str:
    """The mean of what was measured, with its standard error."""
    own = np.array(shares)[np.isfinite(shares)]
    return f"{own.mean():.3f} ± {own.std() / np.sqrt(len(own)):.3f}" if len(own) else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--simulations", type=int, default=10_000)
    parser.add_argument("--observations", type=int, default=10)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--checked", type=int, default=2, help="observations on which the references are compared")
    parser.add_argument(
        "--perceptrons", type=int, default=10, help="observations that the perceptron is trained on too"
    )
    parser.add_argument("--ranked", type=int, default=1000)
    parser.add_argument(
        "--peers", metavar="PYTHON", help="a Python that has sbi, fitted beside on the same simulations"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", help="a key of the configuration")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = {name: measured(name, options) for name in options.tasks}
    print(f"\n{described(machine())}\n")
    print("| task | forest | perceptron | seconds | calibrated | references by forest |")
    print("|---|---|---|---|---|---|")
    for name, one in found.items():
        forest, network = (shown(one[part]) for part in ("forest", "perceptron"))
        ranks = one.get("verdicts", ())
        fine = f"{sum(v == 'calibrated' for v in ranks)} of {len(ranks)}"
        agreed = np.mean([a for a, _ in one["references"]]) if one["references"] else np.nan
        print(f"| {name} | {forest} | {network} | {one['seconds']:.0f} | {fine} | {agreed:.3f} |")
        if "sbi" in one:
            theirs = one["sbi"]
            print(
                f"| its sbi | {shown(theirs['forest'])} | {shown(theirs['perceptron'])} | {theirs['seconds']:.0f} | | |"
            )
    if options.out:
        options.out.write_text(json.dumps({"machine": machine(), "tasks": found}, indent=1))


if __name__ == "__main__":
    main()
