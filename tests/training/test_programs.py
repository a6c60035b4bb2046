"""The two programs of a run: the precision that the config names."""

import re

import jax

from configs import perface_r50
from perface_jax.aot import programs
from perface_jax.aot.chips import CHIPS
from perface_jax.aot.topology import Topology
from tests.aot.test_programs import thin


def test_products_have_the_precision_of_the_config():
    config, devices = thin(perface_r50.get_config()), tuple(jax.devices()[:1])
    config.precision = "high"  # the suite's own is `highest`
    here = Topology("cpu", CHIPS["v5e"], devices, devices)
    for program in programs.programs(config, here, ("step", "validation"), programs.Sizes()):
        text = jax.export.export(program.function, platforms=["tpu"])(*program.arguments).mlir_module()
        assert {*re.findall(r"stablehlo\.convolution.*?precision ([A-Z]+)", text)} == {"HIGH"}
