"""The benchmarks run and say what they saw; how long anything takes is never looked at."""

import json

import numpy as np
import pytest

from benchmarks import (
    chosen_swaps,
    compare,
    embed_folder,
    embedding,
    machine,
    networks,
    page,
    reading,
    record,
    renderer,
    replicas,
    training_step,
)
from perface_jax.annotations.agreement import Estimate
from perface_jax.model import LAYERS, iresnet
from perface_jax.model_folder import save_model
from tests import torch_twin
from tests.golden import formula

# Not 16 pixels: where pictures shrink to a single one, PyTorch takes other steps in channels_last.
TINY = ["--width", "8", "--image-size", "32", "--matrix", "128", "--batches", "4", "--rounds", "2"]
FACTS = {"processor": "A", "cores": 2, "load_average": 0.1, "device": "cpu", "commit": "abc", "jax": "1.2.3"}


def measured(part, *words):
    return part.measure(part.parser().parse_args(words))


def no_compiler(*_, **__):
    raise RuntimeError("no C++ compiler\nand a long trace")


@pytest.fixture
def short_networks(monkeypatch):
    """Half of r18, which compiles in half of the time."""
    for layers in (LAYERS, torch_twin.LAYERS):
        monkeypatch.setitem(layers, "r18", (1, 1, 1, 1))


def timed(part, rows, **facts):
    """A record with the seconds of these rows, by name."""
    rows = [{"name": name, "seconds": seconds} for name, seconds in rows.items()]
    return FACTS | {"part": part, "command": f"python -m benchmarks.{part}", "rows": rows} | facts


# The frame.


def test_calls_take_turns_after_one_that_is_not_timed():
    called = []
    seconds = record.in_turns({name: lambda name=name: called.append(name) for name in "abc"}, 4)
    assert "".join(called) == "abc" + "abc" + "bca" + "cab" + "abc"
    assert list(seconds) == ["a", "b", "c"]
    assert {len(rounds) for rounds in seconds.values()} == {4}


def test_rounds_of_short_calls_go_on_for_the_seconds_asked_for(monkeypatch):
    monkeypatch.setattr(record, "PAUSE", 0)
    seconds = record.in_turns({"a": lambda: None}, 2, seconds=0.05)
    assert len(seconds["a"]) > 2


@pytest.mark.parametrize("write", [[], ["--write"]])
def test_a_record_says_what_it_ran_on_before_the_measurement_and_is_kept_when_told(
    write, tmp_path, monkeypatch, capsys
):
    happened = []
    monkeypatch.setattr(machine, "describe", lambda: happened.append("described") or {"cores": 2})
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr("sys.argv", ["anything.py", "--size", "3 4", *write])
    parser = record.parser("First line.\n\nSecond.")
    parser.add_argument("--size")

    def measure(options):
        happened.append(options.size)
        return {"rows": [{"name": "x", "seconds": {"ours": [0.5, 0.25]}}]}

    record.run("something", parser, measure, compared_with=("numpy",))
    assert happened == ["described", "3 4"]
    printed = capsys.readouterr().out
    assert json.loads(printed) == {
        "cores": 2,
        "numpy": np.__version__,
        "part": "something",
        "command": "python -m benchmarks.something --size '3 4'",
        "rows": [{"name": "x", "seconds": {"ours": [0.5, 0.25]}}],
    }
    assert "[ 0.5, 0.25 ]" in printed  # one line
    kept = list((tmp_path / "results").glob("*")) if write else []
    assert [path.name for path in kept] == ["something.json"] * len(write)
    assert [path.read_text() for path in kept] == [printed] * len(write)
    assert not (tmp_path / "results").exists() or write


# The parts.


def test_operations_are_counted_as_by_hand():
    # r18, width 4, 16 pixels. Each 3x3 keeps the size but the second of a stage's first block, which halves it, as the
    # 1x1 beside it does.
    def stage(inputs, outputs, side):
        first = 9 * inputs * outputs * side**2 + (9 * outputs + inputs) * outputs * (side // 2) ** 2
        return first + 2 * 9 * outputs**2 * (side // 2) ** 2

    stem, linear = 9 * 3 * 4 * 16**2, 32 * 1 * 512
    forward = stem + stage(4, 4, 16) + stage(4, 8, 8) + stage(8, 16, 4) + stage(16, 32, 2) + linear
    assert networks.operations("r18", width=4, image_size=16) == 2 * forward
    # Gradients of weights and inputs, but not of the picture.
    training = 3 * forward - stem
    assert networks.operations("r18", training=True, width=4, image_size=16) == 2 * training


def test_what_does_not_run_says_why_in_one_line():
    assert networks.fault(no_compiler) == "RuntimeError: no C++ compiler"
    assert networks.fault(lambda: None) == ""


def test_embedding_is_timed_beside_others_and_equals_theirs(short_networks, monkeypatch):
    monkeypatch.setattr("torch.compile", lambda network, **_: no_compiler)
    found = measured(embedding, "--archs", "r18", "--seconds", "0", *TINY)
    assert found["matrix_gflop_per_second"] > 0
    (row,) = found["rows"]
    assert row["name"] == "r18, batch 4"
    others = ["PyTorch contiguous", "PyTorch channels_last", "ONNX Runtime"]
    assert list(row["seconds"]) == ["perface_jax", "perface_jax unfolded", *others]
    assert {len(rounds) for rounds in row["seconds"].values()} == {2}
    assert row["not_run"] == {"PyTorch compiled": "RuntimeError: no C++ compiler"}
    assert list(row["largest_difference"]) == ["perface_jax", "perface_jax unfolded"]
    assert max(row["largest_difference"].values()) < 5e-6
    assert row["compile_seconds"].keys() == row["largest_difference"].keys()


def test_all_variants_of_the_training_step_take_the_same_steps(short_networks):
    found = measured(training_step, "--archs", "r18", "--skip-compiled", *TINY)
    (row,) = found["rows"]
    ours = ["perface_jax", "perface_jax remat"]
    assert list(row["seconds"]) == [*ours, "PyTorch contiguous", "PyTorch channels_last"] == list(row["losses"])
    assert row["not_run"] == {"PyTorch compiled": "left out"}
    assert list(row["working_memory_mib"]) == list(row["compile_seconds"]) == ours
    losses = np.array(list(row["losses"].values()))
    assert losses.shape == (4, 3)
    assert np.ptp(losses[0]) > 1e-3  # steps are taken
    np.testing.assert_allclose(losses, losses[[0] * 4], rtol=1e-3)


@pytest.mark.slow
def test_the_renderer_is_timed():
    (row,) = measured(renderer, "--size", "32", "--batch-size", "2", "--rounds", "2", "--seconds", "0")["rows"]
    assert len(row["seconds"]["perface_jax"]) == 2


@pytest.mark.slow
def test_replicas_are_timed_three_ways():
    words = ["--replicas", "2", "--rounds", "1", "--rows", "1", "--layers", "1", "0", "0", "0"]
    (row,) = measured(replicas, *words)["rows"]
    assert list(row["seconds"]) == ["unrolled", "loop", "vmap"] == list(row["compile_seconds"])


@pytest.mark.slow
def test_folders_are_embedded_in_processes_of_their_own():
    few, more = measured(embed_folder, "--pictures", "2", "3")["rows"]
    assert (few["name"], few["pictures"], more["pictures"]) == ("2 pictures", 2, 3)
    assert few["peak_mib"] > 0


@pytest.mark.slow
def test_choices_are_voted_on(tmp_path, monkeypatch):
    # To a network that has learnt nothing, all faces are one.
    monkeypatch.setattr(chosen_swaps.privacy, "match_threshold", lambda *_, **__: Estimate(1.0, 1.0, 1.0))
    model = iresnet("r18", width=4, image_size=32, embedding_size=16)
    save_model(tmp_path / "model", model, formula.variables(model))
    words = ["--perface", str(tmp_path / "model"), "--recogniser", str(tmp_path / "model"), "--seeds", "1", "2"]
    found = measured(chosen_swaps, *words, "--queries", "3", "--candidates", "12")
    assert [row["name"] for row in found["rows"]] == ["world 1", "world 2"]
    assert 0 <= found["over_worlds"]["random"]["share"] <= 1


# compare: rounds by hand.


def change(old, new):
    """What `compare` finds in one row."""
    (found,) = compare.compare({"a": timed("a", {"row": old})}, {"a": timed("a", {"row": new})})
    return found


def test_a_slower_machine_is_no_change():
    old = {"perface_jax": [1.0, 1.1, 1.2], "PyTorch contiguous": [2.0, 2.2, 2.4]}
    new = {"perface_jax": [3.0, 4.0, 5.0], "PyTorch contiguous": [6.0, 8.0, 10.0]}
    found = change(old, new)
    assert found.reference == "PyTorch contiguous"
    assert found.ratio == pytest.approx(1)
    assert found.verdict == ""


def test_a_change_beyond_noise_is_marked_and_one_within_is_not():
    steady = {"perface_jax": [1.0, 1.1, 1.05], "PyTorch": [2.0, 2.2, 2.1]}
    slower = {"perface_jax": [1.3, 1.2, 1.4], "PyTorch": [2.0, 2.0, 2.0]}
    noisy = {"perface_jax": [1.3, 0.9, 1.4], "PyTorch": [2.0, 2.0, 2.0]}
    assert change(steady, slower).ratio == pytest.approx(1.3)
    assert change(steady, slower).verdict == "slower"
    assert change(slower, steady).verdict == "faster"
    assert change(steady, noisy).ratio == pytest.approx(1.3)
    assert change(steady, noisy).verdict == ""


def test_one_round_out_of_eight_does_not_hide_a_change():
    old, new = {"ours": [1.0] * 7 + [9.0]}, {"ours": [1.5] * 8}
    assert change(old, new).verdict == "slower"
    assert change({"ours": [1.0] * 4 + [9.0]}, {"ours": [1.5] * 5}).verdict == ""


def test_two_rounds_are_not_judged():
    assert change({"ours": [1.0, 1.0]}, {"ours": [2.0, 2.0]}).verdict == "few rounds"


def test_without_another_library_seconds_are_compared_of_every_variant():
    old = timed("sweep", {"8": {"one program": [1.0] * 3, "one after another": [2.0] * 3}})
    new = timed("sweep", {"8": {"one program": [1.5] * 3, "one after another": [2.0] * 3}})
    found = list(compare.compare({"sweep": old}, {"sweep": new}))
    assert [(one.variant, one.reference, one.ratio) for one in found] == [
        ("one program", "", 1.5),
        ("one after another", "", 1.0),
    ]


@pytest.mark.parametrize(("rounds", "once_in"), [(3, 20), (5, 252), (8, 33)])
def test_unchanged_rows_are_called_slower_as_seldom_as_promised(rounds, once_in):
    random, trials = np.random.default_rng(0), 4000
    old, new = np.exp(0.1 * random.normal(size=(2, trials, rounds)))
    alarms = [reading.spread(b).low > reading.spread(a).high for a, b in zip(old, new, strict=True)]
    expected = trials / once_in
    assert abs(np.sum(alarms) - expected) < 4 * np.sqrt(expected)


def test_other_machines_and_unpaired_rows_are_named():
    old = {"a": timed("a", {"x": {}, "y": {}}), "b": timed("b", {})}
    new = {"a": timed("a", {"y": {}, "z": {}}, processor="B"), "c": timed("c", {})}
    assert list(compare.notes(old, new)) == [
        "a: different machines: A, 2, cpu -> B, 2, cpu",
        "a: x: only in OLD",
        "a: z: only in NEW",
        "b: only in OLD",
        "c: only in NEW",
    ]


@pytest.mark.parametrize(("seconds", "status"), [(1.0, 0), (2.0, 1), (0.5, 0)])
def test_the_command_prints_ratios_and_fails_when_something_is_slower(seconds, status, tmp_path, monkeypatch, capsys):
    for name, taken in (("old", 1.0), ("new", seconds)):
        (tmp_path / name).mkdir()
        made = timed("a", {"row": {"ours": [taken] * 3}})
        (tmp_path / name / "a.json").write_text(record.to_json(made))
    monkeypatch.setattr("sys.argv", ["compare", str(tmp_path / "old"), str(tmp_path / "new" / "a.json")])
    with pytest.raises(SystemExit) as stopped:
        compare.main()
    assert stopped.value.code == status
    assert f" {seconds:.2f} " in capsys.readouterr().out


# page: figures by hand.

EMBEDDING = timed(
    "embedding",
    {
        "r50, batch 8": {"perface_jax": [0.1, 0.2, 0.4], "PyTorch contiguous": [0.15, 0.2, 0.8]},
        "r50, batch 64": {"perface_jax": [1.0] * 3, "PyTorch contiguous": [1.5] * 3},
    },
    matrix_gflop_per_second=1000.0,
)
for _row, _batch in zip(EMBEDDING["rows"], (8, 64), strict=True):
    _row |= {"batch": _batch, "gflop_per_picture": 12.5, "largest_difference": {"perface_jax": 1.25e-6}}
    _row |= {"not_run": {"PyTorch compiled": "no C++ compiler"}}


def test_the_page_shows_medians_spreads_and_ratios_within_rounds():
    lines = page.make({"embedding": EMBEDDING}).splitlines()
    (head, eight, sixty_four) = (line.strip("|").split("|") for line in lines if line.startswith(("|  ", "| r50")))
    cells = dict(zip(map(str.strip, head), map(str.strip, eight), strict=True))
    assert cells == {
        "": "r50, batch 8",
        "perface_jax": "200 ms [100, 400]",
        "PyTorch contiguous": "200 ms [150, 800] 1.50x",  # 1.5, 1, 2
        "PyTorch compiled": "-",
        "pictures/s": "40",
        "GFLOP/s": "500",
        "of the matrix rate": "50%",
        "largest difference": "1e-06",
    }
    assert sixty_four[2].strip() == "1.5 s [1.5, 1.5] 1.50x"
    assert any(
        "`python -m benchmarks.embedding`; A, cpu, 2 cores" in line
        and "commit abc" in line
        and "PyTorch compiled did not run: no C++ compiler" in line
        for line in lines
    )


def test_the_page_shows_how_far_the_losses_of_a_step_lie_apart():
    made = timed("training_step", {"r50": {"perface_jax": [1.0], "PyTorch": [1.0]}}, matrix_gflop_per_second=1.0)
    made["rows"][0] |= {"batch": 1, "gflop_per_triplet": 1.0}
    made["rows"][0]["losses"] = {"perface_jax": [0.2, 0.0], "PyTorch": [0.201, 0.002, 5.0]}  # one step more
    (line,) = [line for line in page.make({"training_step": made}).splitlines() if line.startswith("| r50")]
    assert line.rstrip("| ").endswith("1e-02")  # 0.002 of 0.2


def test_what_was_not_run_is_said_to_be():
    text = page.make({"embedding": EMBEDDING, "embedding_accelerator": EMBEDDING | {"device": "H200"}})
    first, second = text.partition("## Embedding")[2].partition("## Training step")[::2]
    assert "not run yet" not in first
    assert "A, H200" in first
    assert "CPU: not run yet." in second.partition("## Whole epoch")[0]
    assert "GPU: not run yet." in second.partition("## Whole epoch")[0]


def test_rows_with_other_variants_have_a_table_of_their_own():
    rows = {"x": {"a": [1.0]}, "y": {"b": [2.0]}, "z": {"a": [3.0]}}
    text = page.make({"input": timed("input", rows)})
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert [[line.split("|")[1].strip() for line in block.splitlines()[2:]] for block in tables] == [["x", "z"], ["y"]]


def test_the_page_in_the_repository_is_what_the_records_say():
    assert page.PAGE.read_text() == page.make(reading.read(record.RESULTS))


def test_every_record_is_on_the_page():
    parts = {name.removesuffix("_accelerator") for name in reading.read(record.RESULTS)}
    assert parts - page.PARTS.keys() <= {"chosen_swaps", "retouch"}  # not about speed: docs/anonymization.md
