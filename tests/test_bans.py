"""What no file of the package does: run code from data, unpack archives, load from a network (docs/reliability.md, R17).

ruff's security rules see part of it, for every file that it checks; these look at the imports and at the words they leave out.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import scorax

pytestmark = pytest.mark.reliability

MODULES = {
    *("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "tarfile"),
    *("urllib.request", "urllib3", "http", "ftplib", "smtplib", "requests", "httpx", "aiohttp", "xmlrpc", "webbrowser"),
}
CALLS = {"eval", "exec", "compile", "__import__", "extractall", "unpack_archive", "system", "popen"}
"""Also as methods, but for those of modules in :data:`OWN`."""

OWN = {("re", "compile")}
TRUE_WORDS = {"allow_pickle", "shell"}


def banned(source: str) -> Iterator[str]:
    """What of the source is banned, with its line."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(module=str(module)):
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield f"{node.lineno}: {name}"
            case ast.Call(func=ast.Attribute(attr=name, value=owner)) if name in CALLS:
                # A program that JAX compiles is a method without a source text: it takes no argument.
                known = isinstance(owner, ast.Name) and (owner.id, name) in OWN
                if not known and not (name == "compile" and not node.args):
                    yield f"{node.lineno}: .{name}"
            case ast.keyword(arg=str(word), value=value) if word in TRUE_WORDS:
                if not (isinstance(value, ast.Constant) and value.value is False):
                    yield f"{value.lineno}: {word}="
        for name in names:
            parts = name.split(".")
            if {".".join(parts[: k + 1]) for k in range(len(parts))} & MODULES:
                yield f"{node.lineno}: import of {name}"


def test_no_file_of_the_package_does_what_is_banned() -> None:
    found = [
        f"{path}:{what}"
        for path in sorted(Path(scorax.__file__).parent.rglob("*.py"))
        for what in banned(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from yaml import load", "from urllib import request", "import http.client", "import os, tarfile",
        "eval(x)", "exec(x)", "compile(x, '', 'eval')", "archive.extractall()", "shutil.unpack_archive(x)", "os.system(x)",
        "np.load(x, allow_pickle=True)", "np.load(x, allow_pickle=given)", "subprocess.run(x, shell=True)", "__import__(x)",
        "def f():\n    import dill",
    ],
)  # fmt: skip
def test_what_is_banned_is_found(source: str) -> None:
    assert list(banned(source))


@pytest.mark.parametrize(
    "source", ["re.compile(x)", "np.load(x, allow_pickle=False)", "lowered.compile()", "import json"]
)
def test_what_is_not_banned_is_not(source: str) -> None:
    assert not list(banned(source))
