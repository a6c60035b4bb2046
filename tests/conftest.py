"""Strictness for the whole suite: eight virtual CPU devices, no silent promotion of dtypes or ranks, fresh keys."""

import gc
import os
import pathlib

from tests import kept_programs
from tests.xla_flags import accepted

os.environ.setdefault("JAX_PLATFORMS", "cpu")
PROGRAMS = kept_programs.folder()  # shared by all processes, and by all clones of a user
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(PROGRAMS))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")  # small programs are the same in many tests
# Most of the time goes into compiling programs that run once. The trajectory of PyTorch is compiled as users' programs.
QUICK = " ".join(accepted(["--xla_backend_optimization_level=0", "--xla_cpu_use_fusion_emitters=false"], PROGRAMS))
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {QUICK} --xla_force_host_platform_device_count=8"

from tests import checked_types  # noqa: E402

checked_types.install()

import itertools  # noqa: E402

import jax  # noqa: E402
import pytest  # noqa: E402
from absl import flags  # noqa: E402

from perface_jax.network import kernels  # noqa: E402

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_default_matmul_precision", "highest")

ROOT = pathlib.Path(__file__).resolve().parent.parent
pytest_plugins = (
    "tests.small_release",
    "tests.small_long_form",
    "tests.kill_runs",
)  # fixtures that several folders share

flags.FLAGS.mark_as_parsed()  # Grain reads absl flags
gc.set_threshold(50_000, 20, 100)  # tracing makes many objects that live on: looking for garbage took 7% of the time


def pytest_collection_finish():
    gc.freeze()  # modules and tests stay


def pytest_addoption(parser):
    parser.addoption("--platform", default="", help="trace every program as for this platform, as tpu, on the CPU")


def pytest_configure(config):
    kernels.assume(config.getoption("--platform"))
    if not hasattr(config, "workerinput"):  # once, before there are workers
        kept_programs.bound(PROGRAMS)


@pytest.fixture
def key():
    """An iterator of fresh keys: `next(key)`."""
    root = jax.random.key(0)
    return (jax.random.fold_in(root, i) for i in itertools.count())


@pytest.fixture
def traced_for():
    """`traced_for("tpu")`: from then on the test traces what this platform computes; "": what each program's does."""
    before = kernels.assume("")
    kernels.assume(before)
    if before:
        jax.clear_caches()  # of what earlier tests have traced
    yield kernels.assume
    kernels.assume(before)


@pytest.fixture
def traced_for_tpu(traced_for):
    """The test traces what accelerators compute."""
    traced_for("tpu")


@pytest.fixture(scope="session")
def facepack() -> pathlib.Path:
    """The optional folder of realistic synthetic faces; tests that want it are skipped without it."""
    folder = os.environ.get("PERFACE_FACEPACK")
    if not folder:
        pytest.skip("PERFACE_FACEPACK does not name the folder of realistic synthetic faces")
    return pathlib.Path(folder)
