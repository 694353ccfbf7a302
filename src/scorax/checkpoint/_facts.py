"""`run.json`: what a run was begun with and came to, and the seal over every other file of a run that is complete."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from scorax import _write
from scorax._errors import refusal
from scorax._text import quote, shown_path
from scorax._write import FileDigest
from scorax.checkpoint._averages import verify_averages
from scorax.checkpoint._folder import SEALED, RunFolder
from scorax.checkpoint._json import damaged, read_sealed_json, write_sealed_json
from scorax.checkpoint._steps import MANIFEST, digest_of, require_digest, verify_step
from scorax.data import PictureFacts, TableFacts
from scorax.spec import from_mapping, to_json


@dataclass(frozen=True)
class RunFacts:
    """What a run was begun with and, once it is finished, what came out.

    Attributes:
        seed: root of all randomness.
        kind: what the run is of.
        pictures: those of a run of pictures.
        data: the table; ``holdout`` the share of its rows kept back; ``test`` the table for the report.
        nproc: XLA's worker threads; ``versions``, ``python``, ``device`` and the number of ``devices`` that share a batch
            are what else decides the bits.
        members: networks trained; ``best_steps`` are the steps of the weights they kept.
        start: the start whose members are kept, and ``sigma_min`` the cut-off chosen with it.
        candidates: held-out nats of every start and cut-off; ``None`` where they are not finite.
        out_of_fold_nats: mean log-density of rows by the member that never saw them.
        seconds: time of the process that finished the run.
        files: size and SHA-256 of every other file of the run, in a complete one.
    """

    seed: int
    kind: Literal["table", "pictures"] = "table"
    pictures: PictureFacts | None = None
    data: TableFacts | None = None
    holdout: float | None = None
    test: TableFacts | None = None
    nproc: int | None = None
    versions: dict[str, str] | None = None
    python: str | None = None
    device: str | None = None
    devices: int = 1
    members: int | None = None
    best_steps: tuple[int, ...] | None = None
    start: str | None = None
    sigma_min: float | None = None
    candidates: dict[str, dict[str, float | None]] | None = None
    out_of_fold_nats: float | None = None
    seconds: float | None = None
    files: dict[str, FileDigest] | None = None


def write_run_facts(run: RunFolder, facts: RunFacts) -> None:
    """Write the facts of a run that is not complete: nothing is sealed yet but its steps."""
    write_sealed_json(run.run, to_json(replace(facts, files=None)))


def read_run_facts(run: RunFolder) -> RunFacts:
    """The facts of a run, as they were written.

    Raises:
        InputError: the file is damaged.
    """
    return from_mapping(RunFacts, read_sealed_json(run.run), shown_path(run.run), "restore the file from a copy")


def kind_of_run(run: RunFolder) -> Literal["table", "pictures"]:
    """What the run in a folder is of; a folder without a run is taken for one of a table, and refused where it is read.

    Raises:
        InputError: ``run.json`` is damaged.
    """
    return read_run_facts(run).kind if run.exists() and run.run.exists() else "table"


def require_table_run(run: RunFolder, facts: RunFacts) -> None:
    """Refuse a run that is of pictures.

    Raises:
        InputError: it is.
    """
    if facts.kind != "table":
        do = "ask by scorax sample, logp, impute, report or info"
        raise refusal(run.path, expected="the run of a table", got="one of pictures", do=do)


def seal_run(run: RunFolder, facts: RunFacts) -> None:
    """Write the facts of a run that is complete, with the digest of every file that is there now; needs the lock."""
    names = [*SEALED, *(f"{run.steps.name}/{run.step_path(step).name}/{MANIFEST}" for step in run.saved_steps())]
    names += [f"{run.averages.name}/{run.average_path(step).name}/{MANIFEST}" for step in run.kept_averages()]
    names += [path.name for path in (run.estimator, run.metrics, run.log, run.report) if path.exists()]
    names += [f"{run.records.name}/{name}" for name in _record_names(run)]
    write_sealed_json(run.run, to_json(replace(facts, files={name: digest_of(run.path / name) for name in names})))


def verify_run(run: RunFolder, *, but: tuple[str, ...] = ()) -> RunFacts:
    """The facts of a run, every byte of whose files is the one that was written; ``but`` are files about to be replaced.

    Of a run that is not complete, the steps vouch for themselves, for the configuration, schema and transform, and for the
    metrics up to the newest of them.

    Raises:
        InputError: a file is damaged, missing, or one too many; the line names it.
    """
    run.require()
    for step in run.saved_steps():
        verify_step(run, step)
    for step in run.kept_averages():
        verify_averages(run, step)
    facts = read_run_facts(run)
    for name, digest in (facts.files or {}).items():
        if not name.isprintable() or {"", ".", ".."} & set(name.split("/")):
            raise damaged(run.run, "names of files in the run", quote(name))
        if name not in but:
            require_digest(run.path / name, digest)
    if facts.files is not None:
        for name in _record_names(run):
            if f"{run.records.name}/{name}" not in (*facts.files, *but):
                raise damaged(run.records / name, "the files that run.json lists", "another file", "remove it")
    return facts


def replace_files(run: RunFolder, names: tuple[str, ...], make: Callable[[RunFacts], Mapping[str, bytes]]) -> None:
    """Write files of a verified run anew, and seal it again.

    Between the first byte and the last the files stand outside the seal, so whoever dies in between leaves a run that is whole
    without them.

    Args:
        run: the run; it is locked for the time.
        names: the files; they need not be whole before.
        make: their content, from the facts of the run.

    Raises:
        InputError: another file of the run is damaged.
    """
    with run.require().lock():
        facts = verify_run(run, but=names)
        content = make(facts)
        if facts.files is not None:
            kept = {name: digest for name, digest in facts.files.items() if name not in names}
            write_sealed_json(run.run, to_json(replace(facts, files=kept)))
        for name in names:
            _write.write_bytes(run.path / name, content[name])
        if facts.files is not None:
            seal_run(run, facts)


def _record_names(run: RunFolder) -> list[str]:
    try:
        return sorted(os.listdir(run.records))
    except FileNotFoundError:
        return []  # an empty folder is lost on many ways of copying a run; a record that was in it is missed by its name
    except OSError as error:
        raise damaged(run.records, "the folder of the records", quote(error.strerror, 40)) from None
