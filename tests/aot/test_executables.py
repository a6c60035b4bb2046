"""Executables in files: what is loaded computes what was compiled, and other versions are refused."""

import pickle

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from configs import perface_r50
from perface_jax import parallel
from perface_jax.aot import compiling, executables, programs
from tests.aot.test_programs import SIZES, here, thin


@pytest.fixture(scope="module", autouse=True)
def no_cache():
    """What a CPU loads from the cache of programs cannot be saved."""
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()
    yield
    jax.config.update("jax_enable_compilation_cache", True)
    compilation_cache.reset_cache()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A compiled selection, and its file."""
    (program,) = programs.programs(thin(perface_r50.get_config()), here(1), ("selection",), SIZES)
    file, executable = tmp_path_factory.mktemp("saved") / "a", compiling.compile_program(program, here(1)).executable
    executables.save(file, executable, jax.devices())
    return executable, file


def test_a_loaded_executable_computes_what_was_compiled(saved):
    executable, file = saved
    random = np.random.default_rng(0)
    arguments = [jax.device_put(random.normal(size=(rows, 4)).astype(np.float32)) for rows in (2, 300)]
    queries, gallery = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in map(np.asarray, arguments))
    found = executables.load(file, jax.devices()[:1])(*arguments)
    jax.tree.map(np.testing.assert_array_equal, found, executable(*arguments))
    np.testing.assert_array_equal(found[0], np.argsort(queries @ gallery.T)[:, :3])


@pytest.mark.parametrize(("field", "value"), [("jaxlib", "0.1"), ("device", "TPU v5 lite")])
def test_an_executable_for_others_is_refused(saved, tmp_path, field, value):
    content, other = pickle.loads(saved[1].read_bytes()), tmp_path / "other"
    other.write_bytes(pickle.dumps(content | {field: value}))
    with pytest.raises(ValueError, match=f"other was made for .*'{field}': '{value}'.*; here it is .*compile it again"):
        executables.load(other)


@pytest.mark.slow
def test_a_loaded_step_of_a_sweep_trains_on_four_devices(tmp_path):
    config = thin(perface_r50.get_config())
    config.sweep.margin, config.mesh.data = (0.1, 0.2, 0.3), 2
    (program,) = programs.programs(config, here(4), ("step",), SIZES)
    record, executable = compiling.compile_program(program, here(4))
    assert record["mesh"] == {"replica": 2, "data": 2}
    executables.save(tmp_path / "step.executable", executable, jax.devices())

    def run(step):
        random = np.random.default_rng(0)

        def array(like):
            values = random.normal(size=like.shape) if like.dtype == np.float32 else np.zeros(like.shape)
            return jax.make_array_from_callback(like.shape, like.sharding, lambda i: values[i].astype(like.dtype))

        return parallel.fetch(step(*jax.tree.map(array, program.arguments)))

    loaded = executables.load(tmp_path / "step.executable", program.mesh.devices.ravel())
    jax.tree.map(np.testing.assert_array_equal, run(loaded), run(executable))
