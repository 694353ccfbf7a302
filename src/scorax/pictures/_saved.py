"""What a run of pictures says of itself before JAX is imported: every byte verified, then the configuration and the schema."""

from dataclasses import dataclass

from scorax._errors import refusal
from scorax._text import shown_path
from scorax.checkpoint import RunFacts, RunFolder, load_step, read_run_facts
from scorax.pictures._config import ResolvedPictureConfig
from scorax.pictures._schema import PictureSchema
from scorax.spec import from_mapping


@dataclass(frozen=True)
class SavedPictures:
    """A finished run of pictures whose files are whole.

    Attributes:
        folder: where it is.
        config: the configuration, with nothing left to choose.
        schema: what its pictures are.
        facts: what it was begun with and came to.
        step: the step of its weights.
    """

    folder: RunFolder
    config: ResolvedPictureConfig
    schema: PictureSchema
    facts: RunFacts
    step: int


def read_picture_config(run: RunFolder) -> ResolvedPictureConfig:
    """The configuration of a run whose newest step was verified."""
    return from_mapping(ResolvedPictureConfig, run.read_json(run.config.name), shown_path(run.config))


def read_picture_schema(run: RunFolder) -> PictureSchema:
    """What the pictures of a run are, whose newest step was verified."""
    return from_mapping(PictureSchema, run.read_json(run.schema.name), shown_path(run.schema))


def open_pictures(run: RunFolder) -> SavedPictures:
    """The finished run of a folder, without its weights.

    Raises:
        InputError: a file is damaged, the run is not finished, or it is of a table.
    """
    run.require()
    step = load_step(run, fallback=False, groups=())
    facts = read_run_facts(run)
    require_picture_run(run, facts)
    if step.notes.sigma_min is None:
        raise refusal(
            run.path,
            expected="a finished fit",
            got=f"one interrupted at step {step.step}",
            do="finish it with: scorax fit PICTURES -o RUN --resume",
        )
    return SavedPictures(run, read_picture_config(run), read_picture_schema(run), facts, step.step)


def begun_pictures(run: RunFolder) -> tuple[ResolvedPictureConfig, PictureSchema, RunFacts]:
    """What a run was begun with, for resuming it; its newest whole step vouches for it, if it has one.

    Raises:
        InputError: no step that was saved is whole, another file is damaged, or the run is of a table.
    """
    run.require()
    if run.saved_steps():
        load_step(run, fallback=True, groups=())
    facts = read_run_facts(run)
    require_picture_run(run, facts)
    return read_picture_config(run), read_picture_schema(run), facts


def require_picture_run(run: RunFolder, facts: RunFacts) -> None:
    """Refuse a run that is of a table.

    Raises:
        InputError: it is.
    """
    if facts.kind != "pictures":
        do = "name the run of a fit of pictures"
        raise refusal(run.path, expected="a run of pictures", got="one of a table", do=do)


def require_averages(saved: SavedPictures) -> None:
    """Refuse a run that kept no averages along its training.

    Raises:
        InputError: it did not.
    """
    if not saved.folder.kept_averages():
        raise refusal(
            saved.folder.averages,
            expected="averages kept along the training",
            got="none",
            do="fit with --set training.snapshots=32, or leave out --average",
        )


def require_masks(saved: SavedPictures) -> None:
    """Refuse a model that was not trained under masks.

    Raises:
        InputError: it was not.
    """
    if not saved.config.training.masks:
        raise refusal(
            saved.folder.path,
            expected="a model that was trained under masks",
            got="one of whole pictures",
            do="fit it with: scorax fit PICTURES -o RUN --masks",
        )
