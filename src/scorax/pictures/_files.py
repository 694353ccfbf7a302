"""A run of pictures on disk: which arrays and names stand in which file, and the way back."""

import jax
import jax.numpy as jnp
import numpy as np

from scorax import _write
from scorax._trees import array_spec, named_arrays, with_named_arrays
from scorax.checkpoint import (
    Notes,
    RunFolder,
    Step,
    load_averages,
    load_step,
    read_tensors,
    save_averages,
    save_step,
    tensors_bytes,
)
from scorax.models import Denoiser
from scorax.pictures._config import ResolvedPictureConfig
from scorax.pictures._model import PictureBlueprint
from scorax.pictures._saved import SavedPictures, require_averages
from scorax.pictures._schema import PictureSchema
from scorax.pictures._training import PictureFit
from scorax.processes import AbstractGaussianLaw
from scorax.spec import to_json
from scorax.training import (
    PowerAverages,
    Snapshot,
    TrainState,
    post_hoc_average,
    state_arrays,
    state_layout,
    trained_arrays,
    with_state_arrays,
    with_trained_arrays,
)


def write_facts(run: RunFolder, blueprint: PictureBlueprint) -> None:
    """Write what a run is made of, once, before its first step."""
    run.write_json(run.schema.name, to_json(blueprint.schema))
    scales = {"shift": np.asarray(blueprint.shift), "scale": np.asarray(blueprint.scale)}
    _write.write_bytes(run.transform, tensors_bytes(scales | named_arrays({"moments": blueprint.moments})))
    run.write_json(run.config.name, to_json(blueprint.config))


def read_blueprint(run: RunFolder, config: ResolvedPictureConfig, schema: PictureSchema) -> PictureBlueprint:
    """What the model of a run is built in; the schema implies all shapes."""
    like = AbstractGaussianLaw.of_rows(np.zeros((2, schema.size), np.float32))
    expected = array_spec({"moments": like}) | {name: ((), "float64") for name in ("shift", "scale")}
    arrays = read_tensors(run.transform, expected)
    own = {name: array for name, array in arrays.items() if name.startswith("moments/")}
    moments = with_named_arrays({"moments": like}, own, where=run.transform.name)["moments"]
    return PictureBlueprint(config, schema, float(arrays["shift"]), float(arrays["scale"]), moments)


def save_state(run: RunFolder, state: TrainState, *, sigma_min: float | None = None) -> None:
    """Save a state as a step of the run; with the cut-off it is that of a finished training."""
    save_step(run, int(state.step), state_arrays(state), Notes(sigma_min=sigma_min))


def load_state(run: RunFolder, training: PictureFit) -> tuple[TrainState, Step]:
    """The newest whole state of a run, passing over damaged ones."""
    like = training.like
    step = load_step(run, state_layout(like), fallback=True)
    return with_state_arrays(like, step.arrays, where=str(run.step_path(step.step))), step


def save_snapshot(run: RunFolder, state: TrainState, averages: PowerAverages) -> None:
    """Keep the averages of a state beside the steps of the run."""
    named = {
        length: named_arrays(tree)
        for length, tree in zip(averages.lengths, jax.device_get(state.averages), strict=True)
    }
    save_averages(run, int(state.step), named)


def load_model(saved: SavedPictures, average: float | None = None) -> tuple[PictureBlueprint, Denoiser]:
    """The model of a finished run: at its best held-out loss, or the average of a relative length at the end of training.

    Raises:
        InputError: a file is damaged, or an average is asked for and none were kept.
    """
    run = saved.folder
    blueprint = read_blueprint(run, saved.config, saved.schema)
    model = blueprint.blank()
    like = trained_arrays(model)
    if average is not None:
        require_averages(saved)
        kept = load_averages(run, array_spec(like))
        snapshots = [
            Snapshot(step, length, with_named_arrays(like, arrays, where=f"{run.average_path(step)}"))
            for (step, length), arrays in kept.items()
        ]
        return blueprint, with_trained_arrays(model, jax.tree.map(jnp.asarray, post_hoc_average(snapshots, average)))
    step = load_step(run, {"best": array_spec(like)}, fallback=False, groups=["best"])
    best = with_named_arrays(like, step.arrays["best"], where=f"{run.step_path(step.step)}/best")
    return blueprint, with_trained_arrays(model, best)
