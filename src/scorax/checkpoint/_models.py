"""Models on disk: a sealed document beside one file of arrays, whose name, size and SHA-256 stand in it."""

import os
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, overload

from scorax import _write
from scorax._errors import explain, refusal
from scorax._os_errors import explaining
from scorax._temporary import TEMPORARY
from scorax._text import quote, shown_path
from scorax._write import FileDigest
from scorax.checkpoint._document import Contents, contents_of
from scorax.checkpoint._json import damaged, read_bounded, seal, unseal
from scorax.checkpoint._steps import require_digest
from scorax.checkpoint._tensors import read_tensors, tensors_bytes
from scorax.spec import from_mapping, to_json

Model = TypeVar("Model")

FORMAT = 1
"""Format of a saved model: the first thing that a reader looks at."""

_DOCUMENT = "model.json"
_ARRAYS = re.compile(r"arrays-[0-9a-f]{16}\.safetensors")
_MAXIMUM_BYTES = 16 * 2**20
_MAXIMUM_DEPTH = 100


@dataclass(frozen=True)
class _Header:
    """What stands beside the model in its document: the format, the version that wrote it, the file of its arrays."""

    format: int
    scorax: str
    file: str
    digest: FileDigest

    @property
    def do(self) -> str:
        """What to do about names and fields that this version does not know."""
        return f"use scorax {quote(self.scorax, 30)}, which wrote it"


def save(model: Any, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a model, or any other module of scorax, into a folder of its own, from which :func:`load` gives it back bit for bit.

    The folder holds ``model.json``, names of classes and their fields, and one safetensors file with the arrays; no code. Whoever
    reads it meets the old model or the new one, and never half of one. Functions and classes of your own are written by their
    names only: such a model, and a :class:`~scorax.training.TrainState`, is read with ``load(folder, like=...)``.

    Args:
        model: a model, network, process, objective, sampler, law, transform or training state.
        folder: a new or empty folder, made if there is none.
        overwrite: whether a model that was saved there is replaced.

    Raises:
        TypeError: it is no module, or a part of it is nothing that a file can hold: a random key, an object of another library.
        InputError: the folder holds something else, or a model and ``overwrite`` is false.
        EnvironmentFailure: the machine refused; what was there is untouched.
    """
    import equinox as eqx

    from scorax.checkpoint._modules import described, rebuilt

    if not isinstance(model, eqx.Module):
        kind = type(model).__name__
        raise TypeError(
            explain(expected="a module of scorax or Equinox", got=f"a {kind}", do="save an estimator by its own method")
        )
    path = Path(folder)
    before = _arrays_in(path, overwrite=overwrite)
    document, arrays = described(model)
    data = tensors_bytes(arrays)
    digest = FileDigest.of(data)
    name = f"arrays-{digest.sha256[:16]}.safetensors"
    text = seal({**to_json(_Header(FORMAT, version("scorax"), name, digest)), "model": document})
    # What was written has to be read again, by the same reader and the checks of the classes.
    header, contents, _ = _opened(text, path / _DOCUMENT)
    if not contents.own and described(rebuilt(document, arrays, path, header.do))[0] != document:
        raise TypeError(explain(expected="a model that its fields determine", got="another", do="report this"))
    _write.make_folder(path)
    _write.write_bytes(path / name, data)
    _write.write_bytes(path / _DOCUMENT, text)
    for old in before:
        if old != name:
            _write.remove_file(path / old)


def _arrays_in(path: Path, *, overwrite: bool) -> list[str]:
    """Names of the files of arrays in a folder that a model may be saved in."""
    if not os.path.lexists(path):
        return []
    with explaining(path):
        names = sorted(os.listdir(path)) if path.is_dir() else None
    odd = None if names is None else next((n for n in names if not _is_own(n)), None)
    if names is None or odd is not None:
        got = "something else" if odd is None else f"one that holds {quote(odd)}"
        raise refusal(path, expected="a new or empty folder for a model", got=got, do="choose another path")
    if _DOCUMENT in names and not overwrite:
        raise refusal(
            path, expected="a new or empty folder", got="a saved model", do="pass overwrite=True to replace it"
        )
    return [name for name in names if _ARRAYS.fullmatch(name)]


def _is_own(name: str) -> bool:
    return name == _DOCUMENT or name.startswith(TEMPORARY) or _ARRAYS.fullmatch(name) is not None


@overload
def load(folder: str | os.PathLike[str]) -> Any: ...
@overload
def load(folder: str | os.PathLike[str], like: Model) -> Model: ...
def load(folder: str | os.PathLike[str], like: Any = None) -> Any:
    """The model that :func:`save` wrote into a folder: the same fields, and arrays with the same bits, shapes and types.

    Nothing in the folder is run: classes are looked up by their names in a closed table of scorax, and check their fields as on
    any other day. Where the model has classes or functions of your own, ``like`` is a model that your code built as the saved
    one was: it gives the structure, and everything in it but the arrays has to be what was saved, schedules and parametrizations
    too. Your functions are compared by their names alone.

    Args:
        folder: what was given to :func:`save`.
        like: a model of the same structure; for a training state that of
            :func:`~scorax.training.initial_state` for the same model and optimiser.

    Raises:
        InputError: the folder is damaged, of another format, or holds a class or function that is not one of scorax and no
            ``like`` was given; or ``like`` differs from what was saved.
    """
    path = Path(folder)
    if not os.path.lexists(path / _DOCUMENT):
        run = os.path.lexists(path / "config.json")
        got = "the folder of a run" if run else f"no {_DOCUMENT} in it" if path.is_dir() else "no such folder"
        do = "load its model by ScoreDensity.load(folder).model_" if run else "name the folder given to scorax.save"
        raise refusal(path, expected="the folder of a saved model", got=got, do=do)
    header, contents, document = _opened(read_bounded(path / _DOCUMENT, _MAXIMUM_BYTES), path / _DOCUMENT)
    if contents.own and like is None:
        place, name = contents.own[0]
        raise refusal(
            path / _DOCUMENT,
            expected="classes and functions of scorax",
            got=f"{quote(name)} at {quote(place or 'the top')}",
            do="pass load(folder, like=model), a model built as the saved one was",
        )
    require_digest(path / header.file, header.digest)
    arrays = read_tensors(path / header.file, contents.layout)

    from scorax.checkpoint._modules import filled, rebuilt

    if like is None:
        return rebuilt(document, arrays, path / _DOCUMENT, header.do)
    return filled(like, document, arrays, path / _DOCUMENT)


def _opened(data: bytes, where: Path) -> tuple[_Header, Contents, Any]:
    """The header, contents and document of a saved model, each looked at in full."""
    if len(data) > _MAXIMUM_BYTES:
        raise damaged(where, f"at most {_MAXIMUM_BYTES} bytes", "more", "keep large tables as arrays")
    content = unseal(data, where, depth=_MAXIMUM_DEPTH)
    if content.get("format") != FORMAT:
        do = "use the scorax version that wrote it"
        raise damaged(where, f"a saved model of format {FORMAT}", quote(content.get("format"), 20), do)
    document = content.pop("model", None)
    header = from_mapping(_Header, content, shown_path(where), "restore the file from a copy")
    if not _ARRAYS.fullmatch(header.file):
        raise damaged(where, "the name of a file of arrays", quote(header.file))
    return header, contents_of(document, where, header.do), document
