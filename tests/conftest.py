"""What every test needs before JAX is imported, the hypothesis profile, quick compilation, and a fixture for float64.

JAX reads these variables once, on import, so they are set here and nowhere later. Values given from outside win.
"""

import ctypes
import gc
import mmap
import os
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

if "jax" in sys.modules:
    raise RuntimeError(
        "expected tests/conftest.py to run before `import jax`, got the reverse; remove the earlier import"
    )


def _known_to_xla(flags: Iterable[str]) -> list[str]:
    """Those whose names stand in XLA's library: XLA ends the process at a flag it does not know, and its flags come and go.

    A name of a flag stands between two zero bytes; that of one that has gone may stay in the description of its options.
    """
    jaxlib = find_spec("jaxlib")
    for library in Path((jaxlib and jaxlib.origin) or "").parent.glob("*jax_common.*"):
        with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as names:
            return [flag for flag in flags if names.find(b"\0" + flag.encode() + b"\0") >= 0]
    return []


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
    "JAX_TRACEBACK_IN_LOCATIONS_LIMIT": "0",  # addresses of Python lines in programs that nobody reads
}.items():
    os.environ.setdefault(_name, _value)

# Most of a cold run is compiling programs that run once for milliseconds. The older of XLA's two generators of CPU code, without
# optimisations and in one piece, takes a quarter of the time; tolerances stand far above the order of additions and fused
# multiplications. `XLA_FLAGS= pytest` runs the programs of a user, and CI does so for the claims about bits (marker `bits`).
_QUICK = {
    "xla_cpu_use_fusion_emitters": "false",
    "xla_backend_optimization_level": "0",
    "xla_llvm_disable_expensive_passes": "true",
    "xla_cpu_parallel_codegen_split_count": "1",
}
os.environ.setdefault("XLA_FLAGS", " ".join(f"--{name}={_QUICK[name]}" for name in _known_to_xla(_QUICK)))

# Traces are millions of objects that live on; Python's default looks through them again and again.
gc.set_threshold(200_000, 50, 100)

_MEMORY = 2 * 2**30
"""Bytes of a worker beyond which it lets go of what it compiled: programs of a whole run would take several times as much."""


@pytest.fixture(scope="module", autouse=True)
def _programs() -> Iterator[None]:
    """After the tests of a file: programs are read again from the cache on disk where a later test needs them."""
    yield
    import jax
    import psutil

    if psutil.Process().memory_info().rss > _MEMORY:
        jax.clear_caches()
        gc.collect()
        if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
            libc.malloc_trim(0)  # the allocator keeps what was freed


# No deadline: the first example compiles. In CI the examples are fixed, so that a red build can be repeated.
settings.register_profile("scorax", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("thorough", settings.get_profile("scorax"), max_examples=20_000)  # minutes a test, by hand
settings.load_profile("scorax")


@pytest.fixture
def double() -> Iterator[None]:
    """Float64 for one test."""
    import jax

    with jax.enable_x64(True):
        yield
