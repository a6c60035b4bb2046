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
