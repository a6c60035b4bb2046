"""The table of programs compiled for chips that are not here."""

from benchmarks import compiled
from perface_jax.aot.chips import CHIPS
from tests.aot.test_page import RECORD


def test_the_table_has_a_line_for_each_program():
    chip = CHIPS["v5e"]._asdict()
    unfit = {
        "mesh": {"data": 16},
        "program": "step",
        "what": "512 triplets",
        "fits": False,
        "why_not": "Used 17G of 15.75G hbm",
    }
    record = {"part": "aot", "command": "perface aot", "devices": 16, "chip": chip, "jax": "1", "rows": [RECORD, unfit]}
    text = compiled.section([record])
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| step")
    ]
    assert cells[0] == [
        "step, 30 runs of 32 triplets each",
        "16 x TPU v5e",
        *("3.0", "3.4", "31.2", "40 ms", "51.8 ms", "33%", "1,797 (1,022)", "302 (300)"),
    ]
    assert cells[1][2] == "does not fit"
    assert "TPU v5e: https://docs.cloud.google.com/tpu/docs/v5e" in text
    assert compiled.section([]) == ""
    thin = compiled.section([record | {"command": "perface aot --config.model.arch=r18 --topology=v5e:4x4"}])
    assert "| r18: step, 30 runs of 32 triplets each" in thin


def test_what_was_not_run_on_a_gpu_has_the_bound_of_its_compiled_program():
    chip = CHIPS["h200"]._asdict()
    records = [{"topology": name, "chip": chip, "rows": [RECORD]} for name in ("v5e:4x4", "h200")]
    records.append(records[1] | {"before": "a change"})
    assert compiled.bound(records, "step").endswith(
        " step on an NVIDIA H200, from [the program compiled for it](#compiled-for-tpus-and-an-h200):"
        " 30 runs of 32 triplets each: at least 40 ms (33% of peak)."
    )
    assert compiled.bound(records, "embedding") == "not run yet."
    assert compiled.bound(records, "") == "not run, and without a bound: it times the host."
    assert compiled.share(records, "step", "30 runs of 32 triplets each") == RECORD["share_of_peak"]
    assert compiled.share(records, "step", "32 triplets") is None
