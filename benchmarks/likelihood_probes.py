"""Time and whole error of Hutchinson's log-densities in 64 dimensions, scorax beside torch packages on the same fields.

``python likelihood_probes.py --out probes.json`` measures, ``--table probes.json`` prints the record. Unlike in
``likelihood.py`` the error is that to the exact law, the noise of the random directions included: what a user is wrong by. So
every method runs at several tolerances with several directions, and what counts is the least time for an error. A package
takes one direction in a call, so that n of them are n calls whose mean is taken.
"""

import argparse
import dataclasses
import functools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from _likelihood_probe import chosen_by_pilot, with_probes
from _likelihood_table import at_equal_error
from _machine import described, machine
from likelihood import CASES, PROCESS, Case, Method, check_fields, field_of, ours, rows, truth

TOLERANCES = (1.0, 1e-1, 1e-2, 1e-3)
DIRECTIONS = (1, 4, 16)
TARGETS = (4.0, 2.0, 1.5)
"""Mean absolute errors in nats at which times are compared."""

PROBED = [case for case in CASES if case.dimension == 64 and not case.exact]


def methods(case: Case, x: np.ndarray) -> dict[str, dict[int, Method]]:
    """Every method, and for every number of directions a call at a tolerance."""
    import torch

    from _likelihood_peers import PEERS, SEED, Peer, Preserving, Problem, ScoreSDE, torch_field, use_threads

    model = field_of(case)
    assert model.moments is not None
    use_threads(machine()["threads"])
    problem = Problem(torch_field(model), torch.tensor(x), PROCESS.t0, PROCESS.t1, model.moments, exact=False)
    check_fields(model, x, problem)

    def repeated(peer: Peer, count: int) -> Method:
        def run(tolerance: float) -> tuple[np.ndarray, float]:
            values, evaluations = zip(*(peer(tolerance, SEED + number) for number in range(count)), strict=True)
            return np.mean(values, axis=0), sum(evaluations)

        return run

    def each(method: Callable[[int], Method]) -> dict[int, Method]:
        return {count: method(count) for count in DIRECTIONS}

    chosen = chosen_by_pilot(model, x.shape[1:])
    print(f"{case.name}: {'with' if chosen.control else 'without'} the control variate", file=sys.stderr)

    def own(count: int, *, estimate_error: bool = False) -> Method:
        return with_probes(model, x, dataclasses.replace(chosen, num_probes=count), estimate_error=estimate_error)

    built = {name: build(problem) for name, build in PEERS.items()}
    return {
        "scorax": each(own),
        "scorax, with its error": each(functools.partial(own, estimate_error=True)),
        "scorax, exact divergence": {0: ours(model, x)},
        **{name: each(functools.partial(repeated, peer)) for name, peer in built.items()},
        "score_sde, VP, directions together": each(lambda count: ScoreSDE(problem, Preserving, count)),
    }


def measure(case: Case, turns: int, points: int) -> dict[str, Any]:
    """Times and errors of one case, on its first points."""
    x = rows(case)[:points]
    with jax.enable_x64(True):
        wide = field_of(case)
    exact = truth(case, wide, x)
    results: dict[str, Any] = {}
    steps = []
    for name, runs in methods(case, x).items():
        ladder = results.setdefault(name, {"ladder": {}})["ladder"]
        for count, run in runs.items():
            for tolerance in TOLERANCES:
                try:
                    run(tolerance)  # compiles, loads, lets threads start
                    values, evaluations = run(tolerance)
                except AssertionError as error:  # torchdiffeq: a step too small for its time in float32
                    print(f"{case.name}: {name} at {tolerance:g}: {error}", file=sys.stderr)
                    continue
                error = float(np.mean(np.abs(values[: len(exact)] - exact)))
                step = {"mean_error": error, "evaluations": evaluations, "seconds": []}
                ladder[f"{tolerance:g}, {count}"] = step
                steps.append((run, tolerance, step))
        print(f"{case.name}: {name}", file=sys.stderr)
    for turn in range(turns):
        for run, tolerance, step in steps:
            began = time.perf_counter()
            run(tolerance)
            step["seconds"].append(round(time.perf_counter() - began, 6))
        print(f"{case.name}: turn {turn + 1}/{turns}", file=sys.stderr)
    facts = machine("torch", "flow-matching", "zuko", "torchdiffeq", "scipy")
    return {"machine": facts, "points": len(x), "methods": results}


def markdown(record: dict[str, Any]) -> str:
    """All cases: time and error at every tolerance and number of directions, and time at equal error."""
    lines = []
    for name, case in record["results"].items():
        columns = sorted({int(key.split(", ")[1]) for own in case["methods"].values() for key in own["ladder"]})
        lines += [
            f"**{name.split(',')[0]}, d 64, {case['points']} points**: seconds; mean error in nats, by directions (0: exact "
            "divergence; empty: failed)",
            "",
            "| method | tolerance | " + " | ".join(map(str, columns)) + " |",
            "|---" * (2 + len(columns)) + "|",
        ]
        for method, found in case["methods"].items():
            for tolerance in TOLERANCES:
                cells = []
                for count in columns:
                    step = found["ladder"].get(f"{tolerance:g}, {count}")
                    cells.append(
                        "" if step is None else f"{np.median(step['seconds']):.3g} s; {step['mean_error']:.3g}"
                    )
                lines.append(f"| {method} | {tolerance:g} | " + " | ".join(cells) + " |")
        lines += ["", "Least seconds at equal mean error, and how many times those of scorax:", ""]
        lines += [*at_equal_error(case, TARGETS), ""]
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing in the record, then print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("probes.json"))
    parser.add_argument("--turns", type=int, default=3, help="runs of every method (default 3)")
    parser.add_argument("--points", type=int, default=1000, help="rows of a call (default 1000)")
    parser.add_argument(
        "--only", type=int, nargs="+", choices=range(len(PROBED)), help="0: the mixture, 1: the network"
    )
    parser.add_argument("--table", type=Path, help="print a record instead of measuring")
    options = parser.parse_args()
    if options.table is not None:
        print(markdown(json.loads(options.table.read_text())))
        return
    jax.config.update("jax_enable_compilation_cache", False)  # its key has no number of threads
    record: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {"results": {}}
    for case in PROBED if options.only is None else [PROBED[i] for i in options.only]:
        if case.name not in record["results"]:
            record["results"][case.name] = measure(case, options.turns, options.points)
            options.out.write_text(json.dumps(record, indent=1) + "\n")
        print(f"{described(record['results'][case.name]['machine'])}\n")
    print(markdown(record))


if __name__ == "__main__":
    main()
