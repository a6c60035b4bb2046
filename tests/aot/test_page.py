"""What is printed of a program."""

from perface_jax.aot import page
from perface_jax.aot.chips import CHIPS

RECORD = {
    "program": "step",
    "what": "30 runs of 32 triplets each",
    "mesh": {"replica": 2, "data": 8},
    "fits": True,
    "memory_bytes": {"total": 3 * 2**30, "temp": 2**29},
    "tflop": 3.4,
    "gbyte": 31.25,
    "kernels": 1797,
    "small_kernels": 1022,
    "roofline_seconds": 0.04,
    "limited_by_products_seconds": 0.01,
    "limited_by_memory_seconds": 0.03,
    "estimated_seconds": 0.0518,
    "share_of_peak": 0.333,
    "collectives": [{"axes": "data", "kind": "all-reduce", "count": 302, "small": 300, "bytes": 2**20}],
    "across_replicas": False,
    "worst_products": [
        {"layer": "layer1_0/conv1", "product": "bf16[2] x bf16[2] -> bf16[2]", "times": 1, "share_of_peak": 0.24,
         "seconds": 0.001}
    ],
    "slowest_others": [{"layer": "gather", "kernel": "fusion.3", "times": 1, "gbyte": 0.01, "seconds": 0.0136}],
}  # fmt: skip


def test_a_page_says_what_matters_within_80_columns():
    lines = page.page(RECORD)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for said in (
        "step: 30 runs of 32 triplets each; mesh replica 2 x data 8",
        "memory      fits: 3.00 GiB, 0.50 of it for work",
        "work        3.4 TFLOP, 31.2 GB; 1,797 kernels, 1,022 small",
        "roofline    40 ms at least; limited by memory bandwidth",
        "estimate    51.8 ms by the compiler, without communication",
        "of peak     33% at the estimate",
        "along data: 302 all-reduce, 300 of them below 64 KiB; 1.0 MiB",
        "24%      1       1  layer1_0/conv1",
        "gather (fusion.3)",
    ):
        assert said in text
    assert "FAILURE" not in text


def test_communication_across_replicas_is_a_failure():
    assert any("FAILURE     replicas communicate" in line for line in page.page(RECORD | {"across_replicas": True}))


def test_chips_that_stay_idle_have_a_line():
    idle = "  chips       16 of 20; 4 stay idle (config.mesh.data)"
    assert idle in page.page(RECORD | {"idle_chips": 4})
    assert not any("idle" in line for line in page.page(RECORD))


def test_what_does_not_fit_says_why():
    record = {"program": "step", "what": "512 triplets", "mesh": {"data": 1}, "fits": False, "why_not": "Used 17.2G of 15.75G hbm"}  # fmt: skip # noqa: E501
    assert page.page(record)[-1] == "  memory      DOES NOT FIT: Used 17.2G of 15.75G hbm"
    alone = {name: [] for name in ("collectives", "worst_products", "slowest_others")}
    assert "  sent        nothing between devices" in page.page(RECORD | alone)


def test_the_header_names_the_source():
    lines = page.header("v5e:2x2", CHIPS["v5e"], 4)
    assert lines[0] == "v5e:2x2: 4 x TPU v5e, 197 TFLOP/s in bfloat16, 819 GB/s, 16 GiB"
    assert "docs.cloud.google.com" in lines[1]
    assert (
        max(len(line) for name in CHIPS for text in page.header(name, CHIPS[name], 16) for line in text.split("\n"))
        <= 80
    )
