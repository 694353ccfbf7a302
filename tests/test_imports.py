"""Who may import whom (docs/design.md), and what a bare import must not load."""

import ast
import graphlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import scorax

ROOT = Path(scorax.__file__).parent

LEVELS: dict[str, int] = {
    **dict.fromkeys(["processes", "networks", "transforms", "metrics", "data", "baselines", "records"], 1),
    **dict.fromkeys(["models", "targets", "simulation"], 2),
    **dict.fromkeys(["objectives", "samplers", "likelihood"], 3),
    **dict.fromkeys(["training", "spec", "checkpoint"], 4),
    "diagnostics": 5,
    **dict.fromkeys(["tables", "pictures", "report", "checks", "studies", "estimators"], 6),
    "cli": 7,
}
"""Every room of the package; a room imports strictly lower levels only, except `SIDEWAYS`."""

SIDEWAYS = {("targets", "models"), ("checkpoint", "spec"), ("checkpoint", "training")}
"""(importer, imported) within one level. Private top-level modules are level 0 and may use one another."""

REPORT_NEVER = {"objectives", "samplers", "likelihood", "training"}
"""The report turns records into HTML; it does not train or sample."""


def _level(room: str) -> int | None:
    if room == "__main__":
        return 8  # `python -m scorax`: above the command line
    return 0 if room.startswith("_") else LEVELS.get(room)


def _room(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Absolute names of everything of scorax that a file imports, also inside functions and TYPE_CHECKING blocks."""
    package = ["scorax", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{stem}.{alias.name}", node.lineno


def _files() -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]


def _violation(importer: str, name: str) -> str | None:
    """Why `importer` may not import the dotted `name`, or None."""
    parts = name.split(".")
    if parts[0] != "scorax":
        return None
    if parts[1:] == ["__version__"]:
        return None
    imported = parts[1] if len(parts) > 1 else ""
    above, below = _level(importer), _level(imported)
    if above is None or below is None:
        return "goes through the lazy façade, which hides the level; import the room"
    if imported == importer:
        return None
    if below > above or (below == above > 0 and (importer, imported) not in SIDEWAYS):
        return f"level {above} may not import {imported} of level {below}"
    if importer == "report" and imported in REPORT_NEVER:
        return "the report never trains or samples"
    if below > 0 and len(parts) > 2 and (ROOT / imported / f"{parts[2]}.py").exists() and parts[2].startswith("_"):
        return f"{parts[2]} is a private file of {imported}; import from the package"
    return None


def test_contract_every_room_has_a_level() -> None:
    unplaced = {room for path in _files() if _level(room := _room(path)) is None}
    assert not unplaced, f"place {sorted(unplaced)} in LEVELS and in CONTRIBUTING.md"


def test_contract_imports_point_down() -> None:
    violations = [
        f"{path.relative_to(ROOT)}:{line}: {name}: {why}"
        for path in _files()
        for name, line in _imports(path)
        if (why := _violation(_room(path), name))
    ]
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(
    ("importer", "name", "allowed"),
    [
        ("processes", "scorax._types.Key", True),
        ("processes", "scorax.networks.MLP", False),
        ("samplers", "scorax.models.Denoiser", True),
        ("samplers", "scorax.objectives.DenoisingScoreMatching", False),
        ("checkpoint", "scorax.spec.resolve", True),
        ("spec", "scorax.checkpoint.save", False),
        ("models", "scorax.targets.Gaussian", False),
        ("report", "scorax.samplers.sample", False),
        ("tables", "scorax.VP", False),
        ("cli", "scorax.__version__", True),
        ("baselines", "numpy.linalg", True),
    ],
)
def test_contract_rule_itself(importer: str, name: str, allowed: bool) -> None:
    assert (_violation(importer, name) is None) == allowed


def _loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint('\\n' + ' '.join(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return set(result.stdout.rsplit("\n", 2)[-2].split())


def test_import_scorax_is_light() -> None:
    loaded = _loaded_after("import scorax; scorax.__version__")
    assert not loaded & {"jax", "numpy", "matplotlib", "pandas", "pyarrow", "PIL", "sklearn"}


def test_every_place_says_the_same_version() -> None:
    project = ROOT.parents[1]
    written = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert scorax.__version__ == written
    assert f"\nversion: {written}\n" in (project / "CITATION.cff").read_text(encoding="utf-8")


def test_public_names_initialise_no_backend() -> None:
    """`jax.distributed.initialize` and the number of CPU devices can only be set before a backend exists."""
    code = (
        "import scorax\n"
        "for name in dir(scorax): getattr(scorax, name)\n"
        "import jax._src.xla_bridge as bridge\n"
        "assert not bridge.backends_are_initialized(), 'importing scorax initialised a JAX backend'"
    )
    _loaded_after(code)


def test_help_is_instant() -> None:
    loaded = _loaded_after("from scorax.cli import main\nassert main(['--help']) == 0")
    assert not loaded & {"jax", "numpy", "scipy", "sklearn", "pyarrow", "matplotlib"}


def test_what_commands_look_at_first_takes_no_slow_import() -> None:
    """Half of the second in which bad input is refused would go to `scipy.stats` alone."""
    names = "EvaluationRows, FitRows, MatchedRows, Simulations, open_run, told"
    loaded = _loaded_after(f"from scorax.tables import {names}\nimport scorax.cli._rows")
    assert not loaded & {"jax", "scipy.stats", "sklearn", "matplotlib"}


def test_benchmarks_import_one_another_in_no_circle():
    files = {path.stem: path for path in (Path(__file__).parents[1] / "benchmarks").glob("*.py")}
    imports = {
        name: {
            module
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for module in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
            if module in files
        }
        for name, path in files.items()
    }
    list(graphlib.TopologicalSorter(imports).static_order())  # CycleError names the circle
