"""No public function asks for more than eight things; constructors of estimators and the commands apart."""

import inspect
import pkgutil
from importlib import import_module

import scorax

ROOMS = [
    info.name
    for info in pkgutil.iter_modules(scorax.__path__)
    if info.ispkg and info.name not in ("cli", "estimators", "report")
]
MOST = 8


def functions() -> dict[str, object]:
    """Functions and the methods of classes that the rooms make public."""
    found = {}
    for room in ROOMS:
        module = import_module(f"scorax.{room}")
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.isfunction(thing):
                found[f"{room}.{name}"] = thing
            elif inspect.isclass(thing):
                for method, part in vars(thing).items():
                    if inspect.isfunction(part) and not method.startswith("_"):
                        found[f"{room}.{name}.{method}"] = part
    return found


def test_functions_ask_for_at_most_eight_things():
    counts = {name: len([p for p in inspect.signature(f).parameters if p != "self"]) for name, f in functions().items()}
    assert len(counts) > 100
    assert {name: count for name, count in counts.items() if count > MOST} == {}
