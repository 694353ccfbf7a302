"""What every test needs before JAX is imported, the hypothesis profile, and fixtures for quick compilation and float64.

JAX reads these variables once, on import, so they are set here and nowhere later. Values given from outside win.
"""

import gc
import mmap
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

if "jax" in sys.modules:
    raise RuntimeError(
        "expected tests/conftest.py to run before `import jax`, got the reverse; remove the earlier import"
    )


def _known_to_xla(flag: str) -> bool:
    """Whether the name stands in XLA's library: XLA ends the process at a flag it does not know, and its flags come and go."""
    jaxlib = find_spec("jaxlib")
    for library in Path((jaxlib and jaxlib.origin) or "").parent.glob("*jax_common.*"):
        with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as names:
            return names.find(flag.encode()) >= 0
    return False


_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scorax" / "xla-tests"

for _name, _value in {
    "JAX_NUM_CPU_DEVICES": "2",  # sharded code paths run on any machine
    "NPROC": "2",  # XLA's worker threads; bits depend on their number, so it does not follow the machine
    "JAX_COMPILATION_CACHE_DIR": str(_cache),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    # Two xdist workers share the cores already; BLAS threads on top of them only wait for each other.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}.items():
    os.environ.setdefault(_name, _value)

# Most of a cold run is compiling. The older of XLA's two generators of CPU code, without LLVM's loop optimisations, takes a
# third to a half of the time; loops that are not vectorised cost the tests little. `XLA_FLAGS= pytest` runs the programs of a
# user, and CI does so once more for the claims about bits (marker `bits`).
PROGRAMS_OF_A_USER = os.environ.get("XLA_FLAGS") == ""
if _known_to_xla("xla_cpu_use_fusion_emitters"):
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1")

# Traces are millions of objects that live on; Python's default looks through them again and again.
gc.set_threshold(200_000, 50, 100)

# No deadline: the first example compiles. In CI the examples are fixed, so that a red build can be repeated.
settings.register_profile("scorax", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("thorough", settings.get_profile("scorax"), max_examples=20_000)  # minutes a test, by hand
settings.load_profile("scorax")


@pytest.fixture(scope="module")
def quick_compilation() -> Iterator[None]:
    """Programs that XLA hardly optimises, for the rest of one file.

    Most of a cold run is compiling programs that run once for milliseconds; without optimisation they compile in half the
    time. For files whose tolerances stand far above rounding, or that compare no numbers: the order of additions and fused
    multiplications may differ from what users run. Files about float32 digits or the compiler leave it alone. Equal bits are
    claimed under either, and with the programs of a user nothing is changed here.
    """
    import jax

    if PROGRAMS_OF_A_USER:
        yield
        return

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
    jax.clear_caches()  # the option is no part of the key under which a compiled program is kept in memory


@pytest.fixture
def environment() -> dict[str, str]:
    """Of another process that compiles the programs of this one."""
    import jax

    return {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": str(int(jax.config.read("jax_disable_most_optimizations")))}


@pytest.fixture
def double() -> Iterator[None]:
    """Float64 for one test."""
    import jax

    with jax.enable_x64(True):
        yield
