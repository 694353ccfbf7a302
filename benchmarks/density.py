"""Held-out log-likelihood of ``ScoreDensity`` against Gaussian, KDE and cross-validated mixture, on the same rows.

Nats per row in standardised units. Seeds 0 to 4 are for tuning the recipe, seeds 5 to 14 for reporting. Each finished
(data, seed, method) stands in the file of ``--out`` at once and is not computed again; records of other settings of
``--set`` stand beside it, so the baselines are fitted once.
"""

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from _density_data import DEFAULT, TABLES, TOYS
from _density_methods import BASELINES, Task, score_method, work
from _density_table import key, markdown
from _machine import described, machine


def seeds_of(text: str) -> list[int]:
    """Seeds from ``5-14`` or ``0,2,7-9``."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return sorted(set(found))


def tasks_of(options: argparse.Namespace, records: dict[str, Any]) -> list[Task]:
    """What is missing: table by table, so that a process meets the same shapes again."""
    sets = tuple(options.set)
    ours = Task("", 0, score_method(sets), sets)
    kinds = {"baselines": Task("", 0, "baselines"), "score": ours}
    return [
        task
        for data in options.data
        for seed in options.seeds
        for kind in options.methods
        if (task := Task(data, seed, kinds[kind].method, kinds[kind].sets))
        and not all(key(data, seed, method) in records for method in task.methods)
    ]


def finished(tasks: list[Task], jobs: int) -> Iterator[tuple[Task, list[dict[str, Any]] | Exception]]:
    """Every task with its records as soon as it is done, or with the error that ended it."""
    if jobs == 1:
        for task in tasks:
            try:
                yield task, work(task)
            except (ValueError, RuntimeError, ArithmeticError) as error:
                yield task, error
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(work, task): task for task in tasks}
        for future in as_completed(futures):
            error = future.exception()
            yield futures[future], future.result() if error is None else RuntimeError(repr(error))


def prepare_processes(jobs: int) -> None:
    """Share the cores and keep compiled programs; JAX and BLAS read this when they are loaded, which is later."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    for name in ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    cache = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR", Path.home() / ".cache" / "scorax-benchmarks"))
    if jobs > 1:  # a program is compiled for a number of threads, which JAX's key of it leaves out
        cache = cache / f"threads-{os.environ['NPROC']}"
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")


def read(path: Path) -> dict[str, Any]:
    """Records of an earlier run; none where there is no file."""
    return json.loads(path.read_text())["records"] if path.exists() else {}


def write(path: Path, records: dict[str, Any]) -> None:
    """Replace the file in one step, so that a kill leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps({"machine": machine("numpy", "scikit-learn"), "records": records}) + "\n")
    temporary.replace(path)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = (*TABLES, *TOYS)
    parser.add_argument("--data", type=lambda text: text.split(","), default=list(DEFAULT), help=",".join(known))
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("5-14"), help="such as 5-14 or 0,2 (default 5-14)")
    parser.add_argument("--methods", type=lambda text: text.split(","), default=["baselines", "score"], help="or one")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C", help="a setting of the score model")
    parser.add_argument("--jobs", type=int, default=1, help="processes, which share the cores (default 1)")
    parser.add_argument("--out", type=Path, default=Path("density.json"), help="results, read and written")
    parser.add_argument("--again", action="store_true", help="fit the score model anew on these splits")
    options = parser.parse_args()
    if wrong := set(options.data) - set(known):
        parser.error(f"expected data among {', '.join(known)}, got {', '.join(sorted(wrong))}")
    if wrong := set(options.methods) - {"baselines", "score"}:
        parser.error(f"expected methods among baselines, score, got {', '.join(sorted(wrong))}")
    return options


def main() -> None:
    """Compute what is missing, then print the tables."""
    options = arguments()
    prepare_processes(options.jobs)
    ours = score_method(tuple(options.set))
    records = read(options.out)
    if options.again:
        done = {key(data, seed, ours) for data in options.data for seed in options.seeds}
        records = {name: record for name, record in records.items() if name not in done}
    failed = False
    for task, new in finished(tasks_of(options, records), options.jobs):
        if isinstance(new, Exception):
            failed = True
            print(f"{task.data} {task.seed} {task.method}: failed: {new}", file=sys.stderr)
            continue
        for record in new:
            records[key(record["data"], record["seed"], record["method"])] = record
            mean = sum(record["values"]) / len(record["values"])
            seconds = f"{record['fit_seconds']:.1f} + {record['score_seconds']:.1f} s"
            print(
                f"{record['data']} {record['seed']} {record['method']}: {mean:.4f} nats, {seconds}, {record['note']}",
                file=sys.stderr,
            )
        write(options.out, records)
    table = markdown(records, options.data, options.seeds, BASELINES, ours)
    print(f"{described(machine('numpy', 'scikit-learn'))}\n\n{table}")
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
