"""Completion of a shell: offered by --help, answered without JAX."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest


def _run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess:
    code = (
        "import sys; from scorax.cli import main\n"
        "try: code = main(sys.argv[1:])\n"
        "finally: print(*sorted(sys.modules), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    line = [sys.executable, "-c", code, *arguments]
    return subprocess.run(line, env=os.environ | environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("line", "expected"),
    [("scorax s", {"sample", "schema", "simulate"}), ("scorax logp --pr", {"--precision", "--probes"})],
)
def test_commands_and_options_are_completed_without_jax(line: str, expected: set[str]) -> None:
    words = line.split(" ")
    answer = _run([], _SCORAX_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    assert answer.returncode == 0
    assert set(answer.stdout.split()) == expected
    assert not {"jax", "numpy"} & set(answer.stderr.split())


def test_the_script_is_installed_for_the_shell_that_asks(tmp_path: Path) -> None:
    line = f"{shlex.quote(sys.executable)} -m scorax --install-completion; exit $?"  # a second command: bash stays the parent
    answer = subprocess.run(
        ["bash", "-c", line], env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 0, answer.stderr
    (script,) = tmp_path.rglob("scorax.sh")
    assert script.read_text().strip() == _run([], _SCORAX_COMPLETE="source_bash").stdout.strip()
    assert str(script) in (tmp_path / ".bashrc").read_text()
