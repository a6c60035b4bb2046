"""The two programs of a run: the precision that the config names, and what their stored traces are found by."""

import functools
import re

import jax

from configs import perface_r50
from perface_jax import parallel
from perface_jax.aot import programs
from perface_jax.aot.chips import CHIPS
from perface_jax.aot.topology import Topology
from perface_jax.network import kernels
from perface_jax.training import builders, step
from perface_jax.training import programs as training
from tests.aot.test_programs import thin


def test_products_have_the_precision_of_the_config():
    config, devices = thin(perface_r50.get_config()), tuple(jax.devices()[:1])
    config.precision = "high"  # the suite's own is `highest`
    here = Topology("cpu", CHIPS["v5e"], devices, devices)
    for program in programs.programs(config, here, ("step", "validation"), programs.Sizes()):
        text = jax.export.export(program.function, platforms=["tpu"])(*program.arguments).mlir_module()
        assert {*re.findall(r"stablehlo\.convolution.*?precision ([A-Z]+)", text)} == {"HIGH"}


def test_a_stored_trace_is_found_by_the_numbers_of_the_objective_and_the_length_of_the_run(tmp_path):
    config, mesh = thin(perface_r50.get_config()), parallel.make_mesh(devices=jax.devices()[:1])
    model = builders.network(config)

    def facts(prior=0.0, last=9):
        objective = functools.partial(step.triplet_objective, choices=(step.Loss.COSINE_TRIPLET,), prior=prior)
        stored = training.Stored(tmp_path, config, mesh).steps(len, model=model, objective=objective, last=last)
        return stored.facts

    assert facts() == facts()
    assert facts() != facts(prior=0.5)
    assert facts() != facts(last=10)


def test_traces_are_stored_where_a_folder_is_given_and_one_process_uses_shard_map(tmp_path, traced_for_tpu):
    config, mesh = thin(perface_r50.get_config()), parallel.make_mesh(devices=jax.devices()[:1])
    assert training.stored(tmp_path, config, mesh) is None  # on a TPU
    kernels.assume("")
    assert training.stored(tmp_path, config, mesh) is not None
    assert training.stored(None, config, mesh) is None
    config.mesh.how = "pmap"
    assert training.stored(tmp_path, config, mesh) is None
