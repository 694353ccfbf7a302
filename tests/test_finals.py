"""A class is either abstract, for others to fill in, or final: nothing is inherited that a reader must look for.

A base states methods and what a field is (``eqx.AbstractVar``), a final has its own fields and no subclasses.
"""

import dataclasses
import importlib
import inspect
import pkgutil

import equinox as eqx
import pytest

import scorax


def _modules() -> list[type[eqx.Module]]:
    """Every module of the package that stands in one of its files, public or not."""
    files = [info.name for info in pkgutil.walk_packages(scorax.__path__, "scorax.") if "__main__" not in info.name]
    found = {
        thing
        for file in files
        for thing in vars(importlib.import_module(file)).values()
        if inspect.isclass(thing) and issubclass(thing, eqx.Module) and thing.__module__ == file
    }
    return sorted(found, key=lambda c: f"{c.__module__}.{c.__qualname__}")


MODULES = _modules()
BASES = sorted({base for c in MODULES for base in c.__bases__} & set(MODULES), key=lambda c: c.__qualname__)


def test_there_are_bases_and_finals() -> None:
    assert len(BASES) > 20
    assert len(set(MODULES) - set(BASES)) > 50


@pytest.mark.parametrize("base", BASES, ids=lambda c: c.__qualname__)
def test_a_base_has_no_fields_and_cannot_be_made(base: type[eqx.Module]) -> None:
    assert [field.name for field in dataclasses.fields(base)] == []
    assert base.__name__.lstrip("_").startswith("Abstract") or base.__name__ == "Checked"
