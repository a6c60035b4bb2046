"""The description of a compiled program, from its text and the chip."""

import jax
import pytest

from configs import perface_r50
from perface_jax.aot import compiling, costs, hlo, programs, topology
from perface_jax.aot.chips import CHIPS
from perface_jax.aot.topology import Topology
from tests.aot import test_costs
from tests.aot.test_programs import SIZES, here, thin

CHIP = CHIPS["v5e"]._replace(peak=128.0, float32=128.0, bandwidth=96.0, clock=70.0)  # one product a second


def counted():
    return costs.count(hlo.parse(test_costs.TEXT.replace("KNOWN", "")), {"data": 2})


def test_the_roofline_takes_the_larger_time_of_each_kernel():
    found = compiling.bound(counted(), CHIP)  # 15 products of 1 s (or 192 bytes, 2 s) and 15 sums of 128 bytes
    assert found["limited_by_memory_seconds"] == pytest.approx(15 * (2 + 128 / 96))
    assert found["limited_by_products_seconds"] == 0
    assert found["estimated_seconds"] == pytest.approx(15)  # of 70 cycles
    assert found["share_of_peak"] == pytest.approx(1)
    faster = compiling.bound(counted(), CHIP._replace(bandwidth=384.0, clock=0.0))
    assert faster["limited_by_products_seconds"] == pytest.approx(15)
    assert faster["roofline_seconds"] == pytest.approx(15 * (1 + 1 / 3))
    assert faster["share_of_peak"] == pytest.approx(0.75)
    assert "estimated_seconds" not in faster


def test_communication_is_counted_by_axes_and_size():
    assert compiling.communication(counted()) == [
        {"axes": "data", "kind": "all-reduce", "count": 15, "small": 15, "bytes": 15 * 64}
    ]


def test_the_worst_product_and_the_slowest_other_kernel():
    (worst,) = compiling.worst(counted(), CHIP._replace(peak=256.0, float32=256.0))
    assert (worst["times"], worst["share_of_peak"], worst["seconds"]) == (15, 0.5, 15)
    (other,) = compiling.slowest(counted(), CHIP)
    assert (other["kernel"], other["times"], other["seconds"]) == ("z", 15, pytest.approx(15 * 128 / 96))


def test_a_program_is_compiled_and_described():
    (program,) = programs.programs(thin(perface_r50.get_config()), here(1), ("selection",), SIZES)
    record, executable = compiling.compile_program(program, here(1))
    assert record["fits"]
    assert record["memory_bytes"]["argument"] == (300 + 2) * 4 * 4
    assert record["tflop"] == pytest.approx(2 * 2 * 300 * 4 / 1e12)
    assert executable.memory_analysis().argument_size_in_bytes == (300 + 2) * 4 * 4
    assert not record["across_replicas"]


def test_a_program_that_does_not_fit_is_described():
    class Fails:
        def trace(self, *arguments):
            message = "RESOURCE_EXHAUSTED: ... Used 17.20G of 15.75G hbm. Exceeded hbm capacity by 1.45G."
            raise jax.errors.JaxRuntimeError(message)

    (program,) = programs.programs(thin(perface_r50.get_config()), here(1), ("selection",), SIZES)
    record, executable = compiling.compile_program(program._replace(function=Fails()), here(1))
    assert (record["fits"], record["why_not"], executable) == (False, "Used 17.20G of 15.75G hbm", None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["v5e:2x2", "v5e:4x4", "v4:2x2x1", "v5p:2x2x1", "v6e:1x1", "h200"])
def test_r18_compiles_for_chips_that_are_not_here(name):
    pytest.importorskip("libtpu" if name != "h200" else "jax_cuda12_plugin")
    config = perface_r50.get_config("smoke")
    config.feed, config.model.dtype = "on_device", "bfloat16"
    config.sweep.margin = (0.1, 0.2)
    chips: Topology = topology.topology(name)
    config.mesh.data = min(len(chips.devices), 2)
    for program in programs.programs(config, chips, programs.NAMES, SIZES):
        record, _ = compiling.compile_program(program, chips)
        assert record["fits"]
        assert record["tflop"] > 0
        assert not record["across_replicas"]
        if program.name == "step" and len(chips.devices) > 1:
            assert record["mesh"] == {"replica": len(chips.devices) // 2 if name == "v5e:4x4" else 2, "data": 2}
            assert {row["axes"] for row in record["collectives"]} == {"data"}
            assert record["estimated_seconds"] > 0
