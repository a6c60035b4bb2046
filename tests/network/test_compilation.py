"""Compiler options that reach the compiled program, and programs kept on disk."""

import os
import subprocess
import sys
from unittest import mock

import jax
import jax.numpy as jnp
import pytest

from perface_jax.network import compilation

START = """
import jax
from perface_jax import compilation
compilation.keep_programs()
print(jax.config.jax_compilation_cache_dir)
"""


def test_convolutions_are_kept_from_the_slow_library():
    arguments = jnp.ones((8, 28, 28, 128)), jnp.ones((3, 3, 128, 128))
    layout = ("NHWC", "HWIO", "NHWC")

    def convolve(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=layout)

    def text(**chosen):
        return jax.jit(convolve, **chosen).lower(*arguments).compile().as_text()

    assert "ynn" in text()  # or XLA has changed its mind, and the option can go
    assert "ynn" not in text(compiler_options=compilation.options())


def test_programs_are_kept_in_the_users_cache_unless_a_folder_is_named(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    named = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "named")}
    for change, wanted in [({}, tmp_path / "perface_jax"), (named, tmp_path / "named")]:
        changed = environment | {"XDG_CACHE_HOME": str(tmp_path)} | change
        done = subprocess.run([sys.executable, "-c", START], env=changed, check=True, capture_output=True, text=True)
        assert done.stdout.split() == [str(wanted)]


def test_options_are_those_of_the_devices_and_of_the_installed_xla():
    known, unknown = ("xla_backend_optimization_level", 1), ("xla_nonsense", "1")
    assert compilation.accepted((unknown, known)) == (known,)
    assert compilation.options() == compilation.options(jax.devices()[1:3]) != {}
    assert compilation.options([mock.Mock(spec=jax.Device, platform="gpu")]) == {}


def test_programs_are_compiled_in_a_hurry_inside_of_the_block_alone():
    name = "jax_disable_most_optimizations"
    before = jax.config.values[name]

    def fail():
        with compilation.without_optimization():
            assert jax.config.values[name]
            raise ValueError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        fail()
    assert jax.config.values[name] == before
