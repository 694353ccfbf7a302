"""What a finished run says of itself before JAX is imported: every byte verified, then the configuration and the columns."""

from dataclasses import dataclass

from scorax._errors import refusal
from scorax._text import quote, shown_path
from scorax.checkpoint import RunFacts, RunFolder, load_step, read_run_facts, require_table_run
from scorax.spec import from_mapping
from scorax.tables._config import ResolvedConfig, Start
from scorax.tables._schema import Schema
from scorax.tables._settings import require_memory


@dataclass(frozen=True)
class SavedRun:
    """A finished run whose files are whole and whose model fits into memory.

    Attributes:
        folder: where it is.
        config: the configuration, with nothing left to choose.
        schema: the columns of its table.
        facts: what it was begun with and came to.
        step: the step of its weights.
        start: the start whose members are kept.
        sigma_min: the cut-off chosen with it, in standardised units.
    """

    folder: RunFolder
    config: ResolvedConfig
    schema: Schema
    facts: RunFacts
    step: int
    start: Start
    sigma_min: float


def read_config(run: RunFolder) -> ResolvedConfig:
    """The configuration of a run whose newest step was verified."""
    return from_mapping(ResolvedConfig, run.read_json(run.config.name), shown_path(run.config))


def read_schema(run: RunFolder) -> Schema:
    """The columns of a run whose newest step was verified."""
    return Schema.from_json(run.read_json(run.schema.name), shown_path(run.schema))


def open_run(run: RunFolder) -> SavedRun:
    """The finished run of a folder, without its weights.

    Raises:
        InputError: a file is damaged, or the run was interrupted before its cut-off was chosen.
        EnvironmentFailure: the model does not fit into the memory of this machine.
    """
    run.require()
    step = load_step(run, fallback=False, groups=())
    facts = read_run_facts(run)
    require_table_run(run, facts)
    config, schema = read_config(run), read_schema(run)
    require_memory(config, schema.size(0, holes=config.network.masks), training=False)
    sigma_min, kept = step.notes.sigma_min, step.notes.start
    starts: list[Start] = [name for name in config.ensemble.starts if name == kept]
    if not starts or sigma_min is None or not 0 < sigma_min < config.noise.sigma_max:
        raise refusal(
            run.path,
            expected="a finished fit",
            got=f"one interrupted at step {step.step}, or with the start {quote(kept, 20)}",
            do="finish it with: scorax fit TABLE -o RUN --resume",
        )
    return SavedRun(run, config, schema, facts, step.step, starts[0], sigma_min)


def begun_run(run: RunFolder) -> tuple[ResolvedConfig, RunFacts]:
    """What a run was begun with, for resuming it; its newest whole step vouches for the configuration, if it has one.

    Raises:
        InputError: no step that was saved is whole, or another file is damaged.
    """
    run.require()
    if run.saved_steps():
        load_step(run, fallback=True, groups=())
    facts = read_run_facts(run)
    require_table_run(run, facts)
    return read_config(run), facts
