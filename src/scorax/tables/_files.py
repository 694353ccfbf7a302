"""A fit in a run folder: which arrays and names stand in which file, and the way back."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from scorax import _write
from scorax._text import shown_path
from scorax._trees import array_spec, named_arrays, with_named_arrays
from scorax.checkpoint import (
    Notes,
    RunFacts,
    RunFolder,
    Step,
    load_step,
    read_metrics,
    read_sealed_json,
    read_tensors,
    save_step,
    seal_run,
    tensors_bytes,
    write_sealed_json,
)
from scorax.processes import GaussianLaw
from scorax.records import MetricsLine
from scorax.spec import from_mapping, to_json
from scorax.tables._config import ResolvedConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._filling import Round
from scorax.tables._fitted import FittedTable
from scorax.tables._memory import Memory
from scorax.tables._model import Blueprint, cut_at, restricted
from scorax.tables._precision import in_own_precision
from scorax.tables._saved import SavedRun
from scorax.tables._schema import Schema
from scorax.tables._settings import num_components, num_members
from scorax.tables._starts import StartLaws
from scorax.tables._training import Training
from scorax.targets import GaussianMixture
from scorax.training import (
    TrainState,
    state_arrays,
    state_layout,
    trained_arrays,
    with_state_arrays,
    with_trained_arrays,
)
from scorax.transforms import Standardize


def write_facts(run: RunFolder, blueprint: Blueprint) -> None:
    """Write what a run is made of, once, before its first step."""
    coordinates = blueprint.coordinates
    run.write_json("schema.json", coordinates.schema.to_json())
    arrays = {
        "shift": coordinates.standardize.shift,
        "scale": coordinates.standardize.scale,
        "widths": np.nan_to_num(coordinates.schema.widths),  # of this format of run folders; the schema says it too
        **named_arrays({"moments": blueprint.moments, "members": blueprint.starts.numbers}),
        **{_prior(j): np.asarray(own) for j, own in enumerate(blueprint.starts.log_priors)},
    }
    _write.write_bytes(run.transform, tensors_bytes(arrays))
    run.write_json("config.json", to_json(blueprint.config))


def read_blueprint(run: RunFolder, config: ResolvedConfig, schema: Schema) -> Blueprint:
    """What the model of a run is built in; schema and configuration imply all shapes."""
    size = schema.size(0, holes=config.network.masks)
    d, members = size.numbers, num_members(config)
    expected: dict[str, tuple[tuple[int, ...], str]] = {
        name: ((d,), "float64") for name in ("shift", "scale", "widths")
    }
    stack = (members, num_components(config))
    width = size.dimension if config.ensemble.starts == ("joint",) else d
    for group, lead, length in (("moments", (), size.dimension), ("members/components", stack, width)):
        shapes = {"mean": (length,), "basis": (length, length), "variances": (length,)}
        expected |= {f"{group}/{name}": ((*lead, *shape), "float32") for name, shape in shapes.items()}
    expected["members/log_weights"] = (stack, "float32")
    expected |= {_prior(j): ((members, own.size), "float32") for j, own in enumerate(schema.codes)}
    arrays = read_tensors(run.transform, expected)
    moments, parts = (
        GaussianLaw(*(jnp.asarray(arrays[f"{group}/{name}"]) for name in ("mean", "basis", "variances")))
        for group in ("moments", "members/components")
    )
    numbers = GaussianMixture(jnp.asarray(arrays["members/log_weights"]), parts)
    starts = StartLaws(numbers, tuple(jnp.asarray(arrays[_prior(j)]) for j in range(len(schema.codes))))
    coordinates = Coordinates(schema, Standardize(arrays["shift"], arrays["scale"]))
    return Blueprint(config, coordinates, moments, starts)


def _prior(code: int) -> str:
    return f"members/log_priors/{code}"


def save_state(run: RunFolder, state: TrainState, training: Training, notes: Notes) -> None:
    """Save a state of a training as a step of the run, with what its round fills."""
    arrays = state_arrays(state)
    if len(training.holed):
        arrays |= _round_arrays(training, training.round)
    save_step(run, training.round.start + int(state.step), arrays, notes)


def _round_arrays(training: Training, own: Round) -> dict[str, dict[str, np.ndarray]]:
    """A round: its number and first step, and its draws, or the weights that drew them where the rows are in a file.

    In the first round, which fills none, these are the untrained ones.
    """
    arrays = {"number": np.asarray(own.number, np.int32), "start": np.asarray(own.start, np.int32)}
    if training.stored is None:
        return {"round": arrays | {"draws": own.draws}}
    return {"round": arrays, "filler": named_arrays(trained_arrays(own.model or training.model))}


def load_state(run: RunFolder, training: Training) -> tuple[TrainState, Round, Step]:
    """The newest whole state of a run and the round it is in, passing over damaged ones."""
    like = training.state_of()
    expected = state_layout(like)
    if len(training.holed):
        expected |= {name: array_spec(own) for name, own in _round_arrays(training, training.round).items()}
    step = load_step(run, expected, fallback=True)
    where, own = str(run.step_path(step.step)), training.round
    if "round" in step.arrays:
        found, model = step.arrays["round"], None
        number, start = int(found["number"]), int(found["start"])
        if "filler" in step.arrays and number > 1:
            weights = with_named_arrays(trained_arrays(training.model), step.arrays["filler"], where=f"{where}/filler")
            model = with_trained_arrays(training.model, weights)
        own = Round(number, start, found.get("draws", own.draws), model)
    state = with_state_arrays(like, step.arrays, where=where)
    return state, own, step


def save_fitted(
    run: RunFolder,
    fitted: FittedTable,
    memory: Memory,
    loss_curve: Float[np.ndarray, " validations"],
    *,
    seed: int,
    steps: int,
) -> None:
    """Write a fitted table and what its estimator remembers, without the state to train on from."""
    model = fitted.model
    write_facts(run, fitted.blueprint)
    best = named_arrays(trained_arrays(model))
    notes = Notes(sigma_min=model.process.t0, start=fitted.config.ensemble.starts[0])
    every = fitted.config.training.validate_every
    for number, loss in enumerate(loss_curve):
        line = MetricsLine(step=min(number * every, steps), validation_loss=float(loss))
        _write.append_json_line(run.metrics, to_json(line, sparse=True))
    save_step(run, steps, {"best": best}, notes)
    write_sealed_json(run.estimator, to_json(memory))
    seal_run(run, RunFacts(seed, sigma_min=model.process.t0))


def load_memory(run: RunFolder) -> Memory | None:
    """What the estimator remembered that wrote the run; ``None`` where ``scorax fit`` did."""
    if not run.estimator.exists():
        return None
    return from_mapping(
        Memory, read_sealed_json(run.estimator), shown_path(run.estimator), "restore the file from a copy"
    )


def load_loss_curve(run: RunFolder) -> Float[np.ndarray, " validations"]:
    """The held-out losses of the lines of ``metrics.jsonl``."""
    return np.array([line.validation_loss for line in read_metrics(run)])


@in_own_precision
def load_fitted(saved: SavedRun) -> FittedTable:
    """The fitted table of a finished run.

    Raises:
        InputError: a file is damaged.
    """
    run, config = saved.folder, saved.config
    blueprint = read_blueprint(run, config, saved.schema)
    model = blueprint.blank()
    like = trained_arrays(model)
    step = load_step(run, {"best": array_spec(like)}, fallback=False, groups=["best"])
    best = with_named_arrays(like, step.arrays["best"], where=f"{run.step_path(step.step)}/best")
    model = with_trained_arrays(model, best)
    blueprint, model = restricted(blueprint, model, saved.start)
    return FittedTable(blueprint, cut_at(model, saved.sigma_min))
