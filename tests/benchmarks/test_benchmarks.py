"""The benchmarks run and fill their records; durations are never checked."""

import argparse
import json
import re

import jax
import numpy as np
import pytest

from benchmarks import (
    chosen_swaps,
    compare,
    compiled,
    embed_folder,
    embedding,
    exported,
    largest_batch,
    machine,
    million_triplets,
    networks,
    page,
    reading,
    record,
    renderer,
    replicas,
    targets,
    training_step,
    votes,
)
from perface_jax import annotations
from perface_jax.network.model import LAYERS, iresnet
from perface_jax.network.model_folder import save_model
from perface_jax.statistics.estimates import Estimate
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
    told = json.loads(printed)
    assert told.pop("duration_seconds") >= 0
    assert told == {
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


def test_records_of_other_backends_lie_beside_that_of_the_cpu(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["anything.py", "--write"])
    for backend in ("cpu", "gpu", "tpu"):
        monkeypatch.setattr("jax.default_backend", lambda backend=backend: backend)
        record.run("a", record.parser("Anything."), lambda options: {"rows": []})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a_gpu.json", "a_tpu.json"]
    found = reading.read(tmp_path)
    assert {key: made["backend"] for key, made in found.items()} == {"a": "cpu", "a_gpu": "gpu", "a_tpu": "tpu"}


def test_seconds_of_queued_calls_are_those_of_one(monkeypatch):
    instants = iter([0.0, 1.0, 5.0, 6.0])  # began, round began, round ended, asked for the end
    monkeypatch.setattr(record, "PAUSE", 0)
    monkeypatch.setattr("time.perf_counter", lambda: next(instants))
    assert record.in_turns({"a": lambda: None}, 1, queued=8, warm=True) == {"a": [0.5]}


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
    seconds, not_run = networks.first_calls({"a": no_compiler, "b": lambda: None})
    assert not_run == {"a": "RuntimeError: no C++ compiler"}
    assert list(seconds) == ["b"]


def test_bytes_are_counted_as_by_hand():
    program = jax.jit(lambda x: x + 1).lower(np.zeros((1000, 1000), np.float32)).compile()
    assert networks.bytes_accessed(program) == 0.008  # 4 MB read, 4 MB written


def test_embedding_is_timed_beside_others_and_equals_theirs(short_networks, monkeypatch):
    monkeypatch.setattr("torch.compile", lambda network, **_: no_compiler)
    found = measured(embedding, "--archs", "r18", "--seconds", "0", "--queued", "2", *TINY)
    assert found["matrix_gflop_per_second"] > 0
    (row,) = found["rows"]
    assert row["name"] == "r18, batch 4"
    others = ["PyTorch contiguous", "PyTorch channels_last", "ONNX Runtime"]
    assert list(row["seconds"]) == ["perface_jax", "perface_jax unfolded", *others]
    assert {len(rounds) for rounds in row["seconds"].values()} == {2}
    assert row["not_run"] == {"PyTorch compiled": "RuntimeError: no C++ compiler"}
    assert list(row["largest_difference"]) == ["perface_jax", "perface_jax unfolded"]
    assert max(row["largest_difference"].values()) < 5e-6
    assert row["compile_seconds"].keys() == row["gbyte_accessed"].keys() == row["largest_difference"].keys()
    assert list(row["first_call_seconds"]) == others
    assert "| r18, batch 4 |" in page.make({"embedding": FACTS | {"part": "embedding"} | found})


@pytest.mark.slow  # the exported files have fast tests of their own
def test_exported_programs_are_timed_beside_the_library_and_equal_it(short_networks):
    (row,) = measured(exported, "--archs", "r18", *TINY)["rows"]
    assert list(row["seconds"]) == ["perface_jax", "ONNX Runtime", "StableHLO"]
    assert max(row["largest_difference"].values()) < 1e-5
    assert 1 < row["stablehlo_bytes"] / row["onnx_bytes"] < 10


@pytest.mark.slow
def test_all_variants_of_the_training_step_take_the_same_steps(short_networks):
    found = measured(training_step, "--archs", "r18", "--skip-compiled", "--queued", "2", *TINY)
    (row,) = found["rows"]
    ours = ["perface_jax", "perface_jax remat"]
    assert list(row["seconds"]) == [*ours, "PyTorch contiguous", "PyTorch channels_last"] == list(row["losses"])
    assert row["not_run"] == {"PyTorch compiled": "left out"}
    for fact in ("working_memory_mib", "memory_mib", "gbyte_accessed", "compile_seconds"):
        assert list(row[fact]) == ours
    for name in ours:  # state and batch
        assert row["memory_mib"][name] > row["working_memory_mib"][name]
    losses = np.array(list(row["losses"].values()))
    assert losses.shape == (4, 6)
    assert np.ptp(losses[0]) > 1e-3  # steps are taken
    np.testing.assert_allclose(losses, losses[[0] * 4], rtol=1e-3)
    assert "| r18, batch 4 |" in page.make({"training_step": FACTS | {"part": "training_step"} | found})


def test_a_gpu_is_given_large_batches_and_calls_in_a_row(monkeypatch):
    monkeypatch.setattr(networks, "GPU", True)
    of_embedding, of_step = (part.parser().parse_args([]) for part in (embedding, training_step))
    assert (of_embedding.batches, of_embedding.queued) == ([1, 8, 64, 256, 1024], 8)
    assert (of_step.batches, of_step.queued, of_step.largest) == ([32, 128], 8, True)


# The largest batch: what a process finds, by hand.


def searched(monkeypatch, fits):
    """The row where so many triplets fit, and the batches that were tried."""
    tried = []

    def in_a_process(arch, variant, batch, options):
        tried.append(batch)
        return {"batch": batch, "seconds": {"a step": [1.0]}} if batch <= fits else {"why": "too large"}

    monkeypatch.setattr(largest_batch, "_in_a_process", in_a_process)
    options = training_step.parser().parse_args(["--largest", "--memory-gib", "1", "--batches", "2", "4"])
    row, *others = largest_batch.rows(options)
    assert len(others) == 2  # three variants
    return row, tried[: len(tried) // 3]


def test_the_batch_is_doubled_until_it_does_not_fit(monkeypatch):
    row, tried = searched(monkeypatch, fits=20)
    assert tried == [4, 8, 16, 32]
    assert row["name"] == "r50, largest batch of perface_jax"
    assert (row["batch"], row["largest_batch"], row["twice_as_many"]) == (16, 16, "too large")


def test_where_nothing_fits_the_row_says_why(monkeypatch):
    row, tried = searched(monkeypatch, fits=0)
    assert tried == [4, 2, 1]
    assert row["not_run"] == {"a step": "perface_jax, one triplet: too large"}


def test_the_batch_is_halved_until_it_fits(monkeypatch):
    row, tried = searched(monkeypatch, fits=1)
    assert tried == [4, 2, 1]
    assert (row["batch"], row["twice_as_many"]) == (1, "too large")


def test_a_search_without_a_limit_is_refused_on_a_cpu():
    with pytest.raises(ValueError, match="--largest without --memory-gib"):
        measured(training_step, "--largest")


def tried(variant, *words):
    options = training_step.parser().parse_args([*TINY, "--image-size", "16", *words])
    return largest_batch.trial(argparse.Namespace(**vars(options), arch="r18", variant=variant, batch=2))


def test_our_program_is_asked_what_it_holds_before_it_runs(short_networks, monkeypatch):
    facts = {"memory_mib": 3000.0, "gbyte_accessed": 1.0}
    monkeypatch.setattr(largest_batch.steps, "ours", lambda *_, **__: (facts, no_compiler))
    assert tried("perface_jax", "--memory-gib", "2") == {"why": "holds 3,000 MiB of 2,048"}


def test_a_step_of_pytorch_that_fits_is_timed(short_networks):
    row = tried("PyTorch channels_last", "--memory-gib", "100")
    assert (row["batch"], len(row["seconds"]["a step"])) == (2, 2)
    assert row["memory_mib"]["a step"] >= 0


def test_a_trial_that_runs_out_of_memory_says_so(short_networks, monkeypatch):
    def out_of_memory(*_, **__):
        raise MemoryError("RESOURCE_EXHAUSTED")

    monkeypatch.setattr(largest_batch.steps, "pytorch", out_of_memory)
    assert tried("PyTorch channels_last") == {"why": "MemoryError: RESOURCE_EXHAUSTED"}


def test_a_process_that_is_ended_has_not_fitted(monkeypatch):
    monkeypatch.setattr("sys.executable", "false")
    options = training_step.parser().parse_args([])
    assert largest_batch._in_a_process("r18", "perface_jax", 2, options) == {"why": "the process ended with 1"}


@pytest.mark.slow
def test_the_largest_batch_is_searched_in_processes_of_their_own():
    words = ["--archs", "r18", "--skip-compiled", "--memory-gib", "0.012", *TINY]
    ours, remat, pytorch = largest_batch.rows(training_step.parser().parse_args(words))
    assert 4 <= ours["batch"] <= remat["batch"]
    assert ours["memory_mib"]["a step"] <= 12.3
    assert "MiB of 12" in ours["twice_as_many"]
    assert pytorch.get("seconds") or pytorch["not_run"]  # what a process grows by is no sure thing


@pytest.mark.slow
def test_the_renderer_is_timed():
    (row,) = measured(renderer, "--size", "32", "--batch-size", "2", "--rounds", "2", "--seconds", "0")["rows"]
    assert len(row["seconds"]["perface_jax"]) == 2


@pytest.mark.slow
def test_replicas_are_timed_three_ways():
    words = ["--replicas", "2", "--rounds", "1", "--rows", "1", "--layers", "1", "0", "0", "0"]
    (row,) = measured(replicas, *words)["rows"]
    assert list(row["seconds"]) == ["loop", "unrolled", "vmap"] == list(row["compile_seconds"])


@pytest.mark.slow
def test_folders_are_embedded_in_processes_of_their_own():
    few, more = measured(embed_folder, "--pictures", "2", "3")["rows"]
    assert (few["name"], few["pictures"], more["pictures"]) == ("2 pictures", 2, 3)
    assert few["peak_mib"] > 0


@pytest.mark.slow
def test_the_answers_of_a_million_triplets_have_one_column_in_another_row_order(tmp_path):
    million_triplets.write_answers(tmp_path / "answers.csv", 24)
    found = annotations.audit(annotations.read_answers(tmp_path / "answers.csv"), grid=(24, 24), permutations=99)
    assert [(alarm.column, alarm.order.seen.kind, alarm.order.wanted.block) for alarm in found.order_alarms] == [
        ("ans3", "target_major", 3)
    ]


@pytest.mark.slow
def test_a_million_triplets_are_timed_step_by_step():
    *steps, together = measured(million_triplets, "--side", "40")["rows"]
    assert [row["name"] for row in steps][1:4] == list(million_triplets.COUNTED)
    assert together["peak_mib"] == max(row["peak_mib"] for row in steps[1:4])


@pytest.mark.slow  # the next tests are its guard
def test_choices_are_voted_on(tmp_path, monkeypatch):
    # To a network that has learned nothing, all faces are one.
    monkeypatch.setattr(chosen_swaps.privacy, "match_threshold", lambda *_, **__: Estimate(1.0, 1.0, 1.0))
    model = iresnet("r18", width=4, image_size=32, embedding_size=16)
    save_model(tmp_path / "model", model, formula.variables(model))
    words = ["--perface", str(tmp_path / "model"), "--recognizer", str(tmp_path / "model"), "--seeds", "1", "2"]
    found = measured(chosen_swaps, *words, "--queries", "3", "--candidates", "12")
    assert [row["name"] for row in found["rows"]] == ["world 1", "world 2"]
    assert 0 <= found["over_worlds"]["random"]["share"] <= 1


def voted(monkeypatch, perface, recognizer, limit):
    """The votes on one original whose perceived features are 0, and the swaps' 1 to 3: people see what is closer."""
    monkeypatch.setattr(chosen_swaps.world, "perceived_features", lambda source, target: source[:, None])
    monkeypatch.setattr(chosen_swaps.annotators, "margins", lambda people, one: one[0, 1] ** 2 - one[0, 0] ** 2)
    monkeypatch.setattr(chosen_swaps.annotators, "chances", lambda people, margin, gain: 1.0 * (margin > 0))
    alike = {"perface": np.array(perface), "recognizer": np.array(recognizer)}
    people, features = chosen_swaps.annotators.recruit([0], 3, careless=0), np.arange(4.0)
    return chosen_swaps.vote(0, np.arange(1, 4), alike, limit, features, features[:1], people, 1.0, 0)


def test_the_choice_that_looks_less_alike_gets_the_votes(monkeypatch):
    found = voted(monkeypatch, perface=[0.9, 0.5, 0.1], recognizer=[0.1, 0.2, 0.3], limit=0.4)
    assert (found["source"], found["farthest"]) == (3, 1.0)  # swap 3 against swap 1
    found = voted(monkeypatch, perface=[0.1, 0.5, 0.9], recognizer=[0.3, 0.2, 0.1], limit=0.4)
    assert (found["source"], found["farthest"]) == (1, 0.0)
    found = voted(monkeypatch, perface=[0.9, 0.5, 0.1], recognizer=[0.1, 0.2, 0.5], limit=0.4)  # 3 is matched
    assert (found["source"], found["farthest"]) == (2, 1.0)


def test_the_same_choice_is_worth_a_half_and_an_original_without_free_swaps_is_not_asked(monkeypatch):
    found = voted(monkeypatch, perface=[0.1, 0.5, 0.9], recognizer=[0.1, 0.2, 0.3], limit=0.4)
    assert found["farthest"] == 0.5
    assert voted(monkeypatch, perface=[0.1, 0.5, 0.9], recognizer=[0.5, 0.6, 0.7], limit=0.4) is None


def test_worlds_are_averaged_with_a_t_interval():
    # standard error 0.1; 12.706 is the quantile of Student's t with one degree of freedom
    found = chosen_swaps.over_worlds([0.5, 0.7])
    assert found["share"] == 0.6
    np.testing.assert_allclose(found["interval"], [0.6 - 12.706 * 0.1, 0.6 + 12.706 * 0.1], atol=1e-3)


# compare: rounds by hand.


def change(old, new):
    """What `compare` finds in one row."""
    (found,) = compare.compare({"a": timed("a", {"row": old})}, {"a": timed("a", {"row": new})})
    return found


def test_a_slower_machine_is_no_change():
    old = {"perface_jax": [1.0, 1.1, 1.2], "PyTorch contiguous": [2.0, 2.2, 2.5]}
    new = {"perface_jax": [3.0, 4.0, 5.0], "PyTorch contiguous": [6.0, 8.0, 9.5]}
    found = change(old, new)
    assert found.unit == "of PyTorch contiguous"
    assert found.ratio == pytest.approx(1)
    assert found.verdict == ""


def test_a_change_beyond_noise_is_marked_and_one_within_is_not():
    steady = {"perface_jax": [1.0, 1.1, 1.06], "PyTorch": [2.0, 2.2, 2.1]}
    slower = {"perface_jax": [1.3, 1.27, 1.34], "PyTorch": [2.0, 2.0, 2.0]}
    noisy = {"perface_jax": [1.3, 0.9, 1.4], "PyTorch": [2.0, 2.0, 2.0]}
    assert change(steady, slower).ratio == pytest.approx(0.65 / 0.5)
    assert change(steady, slower).verdict == "slower"
    assert change(slower, steady).verdict == "faster"
    assert change(steady, noisy).ratio == pytest.approx(0.65 / 0.5)
    assert change(steady, noisy).verdict == ""


def test_one_round_out_of_eight_does_not_hide_a_change():
    old, new = [1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0, 9.0], [1.5, 1.51, 1.49, 1.5, 1.5, 1.49, 1.51, 1.5]
    assert change({"ours": old}, {"ours": new}).verdict == "slower"
    assert change({"ours": [1.0, 1.0, 9.0]}, {"ours": [1.5, 1.4, 1.5]}).verdict == ""


def test_a_small_change_is_none_however_sure():
    old, new = {"ours": [1.0, 1.001, 1.002]}, {"ours": [1.04, 1.041, 1.042]}
    assert change(old, new).verdict == ""
    assert compare.differ(old["ours"], new["ours"])


@pytest.mark.parametrize(
    ("amount", "old", "new", "verdict"),
    [
        ({"working_memory_mib": {"perface_jax": 100.0}}, 1.0, 1.06, "more"),
        ({"working_memory_mib": {"perface_jax": 100.0}}, 1.0, 1.04, ""),
        ({"peak_mib": 100.0}, 1.0, 1.2, ""),
        ({"peak_mib": 130.0}, 1.0, 0.7, "less"),
        ({"compilations": 1}, 1, 2, "more"),
        ({"compiling": {"cold": {"programs": [4, 4], "tracing": [3.0, 3.0]}}}, 1, 1, ""),
    ],
)
def test_memory_and_compilations_are_compared(amount, old, new, verdict):
    def made(factor):
        return FACTS | {"part": "a", "rows": [{"name": "x"} | jax.tree.map(lambda one: one * factor, amount)]}

    (found,) = compare.compare({"a": made(old)}, {"a": made(new)})
    assert found.verdict == verdict
    assert found.ratio == pytest.approx(new / old)


def test_two_rounds_are_not_judged():
    assert change({"ours": [1.0, 1.0]}, {"ours": [2.0, 2.0]}).verdict == "few rounds"


def test_a_row_of_another_library_alone_is_not_compared():
    old, new = ({"a": timed("a", {"row": {"a step": [x] * 3}})} for x in (1.0, 2.0))
    assert [one.verdict for one in compare.compare(old, new)] == ["slower"]
    for record_ in (old, new):
        record_["a"]["rows"][0]["variant"] = "PyTorch compiled"
    assert not list(compare.compare(old, new))


def test_without_another_library_seconds_are_compared_of_every_variant():
    old = timed("sweep", {"8": {"one program": [1.0] * 3, "one after another": [2.0] * 3}})
    new = timed("sweep", {"8": {"one program": [1.5] * 3, "one after another": [2.0] * 3}})
    found = list(compare.compare({"sweep": old}, {"sweep": new}))
    assert [(one.what, one.unit, one.ratio) for one in found] == [
        ("one program", "seconds", 1.5),
        ("one after another", "seconds", 1.0),
    ]


def verdicts(rounds, *, noise, factor=1.0, trials=400):
    """Of a program that takes `factor` times as long, whose rounds are lognormal; one in ten also waits for others."""
    random = np.random.default_rng(0)
    logarithms = noise * random.normal(size=(2, trials, rounds))
    logarithms += (random.random(logarithms.shape) < 0.1) * random.exponential(noise, logarithms.shape)
    old, new = np.exp(logarithms)
    return [compare.Change("", "", "", "", a, factor * b).verdict for a, b in zip(old, new, strict=True)]


@pytest.mark.parametrize("rounds", [3, 5, 8])
@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_unchanged_rows_are_called_slower_as_seldom_as_promised(rounds, noise):
    expected = 400 * compare.SELDOM
    assert verdicts(rounds, noise=noise).count("slower") < expected + 3 * np.sqrt(expected)


@pytest.mark.parametrize(("rounds", "times"), [(3, 6), (8, 3)])
def test_most_changes_are_seen_when_they_are_as_large_as_promised(rounds, times):
    assert verdicts(rounds, noise=0.05, factor=np.exp(times * 0.05)).count("slower") > 200


def test_other_machines_and_unpaired_rows_are_named():
    old = {"a": timed("a", {"x": {}, "y": {}}), "b": timed("b", {})}
    new = {"a": timed("a", {"y": {}, "z": {}}, processor="B"), "c": timed("c", {})}
    assert list(compare.notes(old, new)) == [
        "a: not alike: processor A -> B",
        "a: x: only in OLD",
        "a: z: only in NEW",
        "b: only in OLD",
        "c: only in NEW",
    ]


@pytest.mark.parametrize(("seconds", "status"), [(1.0, 0), (2.0, 1), (0.5, 0)])
def test_the_command_prints_ratios_and_fails_when_something_is_slower(seconds, status, tmp_path, monkeypatch, capsys):
    for name, taken in (("old", 1.0), ("new", seconds)):
        (tmp_path / name).mkdir()
        made = timed("a", {"row": {"ours": [taken, 1.001 * taken, 0.999 * taken]}})
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
        "CPU: `python -m benchmarks.embedding`, duration not recorded; A, cpu, 2 cores" in line
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


def test_the_page_shows_bytes_a_second_and_how_long_a_part_took():
    made = EMBEDDING | {
        "duration_seconds": 90.0,
        "rows": [EMBEDDING["rows"][0] | {"gbyte_accessed": {"perface_jax": 3}}],
    }
    head, line = (line for line in page.make({"embedding": made}).splitlines() if line.startswith(("|  ", "| r50")))
    cells = dict(zip(map(str.strip, head.split("|")), map(str.strip, line.split("|")), strict=True))
    assert cells["GB/s"] == "15"  # 3 GB in 0.2 s
    assert "`python -m benchmarks.embedding`, 1.5 minutes; " in page.make({"embedding": made})


def test_the_page_shows_the_largest_batch_that_fits():
    made = timed("training_step", {"r50": {"a step": [2.0]}}, matrix_gflop_per_second=200.0)
    made["rows"][0] |= {
        "batch": 8,
        "gflop_per_triplet": 10.0,
        "largest_batch": 8,
        "memory_mib": {"a step": 2048.0},
        "twice_as_many": "out of memory",
    }
    (line,) = (line for line in page.make({"training_step": made}).splitlines() if line.startswith("| r50"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["r50", "2 s", "4", "40", "20%", "8", "2,048", "out of memory"]


def test_targets_are_judged_by_the_medians_of_the_records():
    start = timed("startup", {"r50 from a model folder, batch 4": {"cold": [20.0, 24.0, 30.0], "warm": [15.0, 13.2]}})
    shown = targets.table({"embedding": EMBEDDING, "startup": start})
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines()]
    found = {(line[0], line[1], line[2]): line[3:] for line in lines}
    # of two layouts one is missing
    layouts = "times as fast as PyTorch's better layout"
    assert found["embedding: r50, batch 8", "CPU", layouts] == ["at least 1.1", "", "not run yet"]
    folder = "startup: r50 from a model folder", "CPU"
    assert found[*folder, "seconds to a first step, cold"] == ["at most 35", "24", "reached"]
    assert found[*folder, "seconds to a first step, warm"] == ["at most 13", "14.1", "not reached"]
    assert found["epoch: r50, 1 steps a call", "GPU", "share of the host"] == ["at most 3%", "", "not run yet"]

    seconds = EMBEDDING["rows"][0]["seconds"] | {"PyTorch channels_last": [0.1, 0.24, 0.48]}  # 1, 1.2, 1.2 of ours
    (line,) = (
        line
        for line in targets.table(
            {"embedding": EMBEDDING | {"rows": [EMBEDDING["rows"][0] | {"seconds": seconds}]}}
        ).splitlines()
        if layouts in line and "batch 8" in line
    )
    assert [cell.strip() for cell in line.split("|")][-3:-1] == ["1.2", "reached"]  # the other layout: 1.5, 1, 2


def test_a_target_is_judged_by_its_own_row_and_says_what_did_not_run():
    larger = timed("embedding", {"r50, batch 80": {"perface_jax": [1.0], "ONNX Runtime": [2.0]}})
    assert "reached" not in targets.table({"embedding": larger})
    failed = timed("training_step", {"r50, largest batch of perface_jax": {}})
    failed["rows"][0]["not_run"] = {"a step": "out of memory"}
    assert targets.table({"training_step_gpu": failed}).count("did not run") == 1


def test_what_was_not_run_is_said_to_be():
    others = {name: EMBEDDING | {"backend": name, "device": name.upper(), "devices": 4} for name in ("gpu", "tpu")}
    text = page.make({"embedding": EMBEDDING} | {f"embedding_{name}": made for name, made in others.items()})
    first, second = text.partition("## Embedding")[2].partition("## Exported networks")[::2]
    assert "not run yet" not in first
    for on in ("GPU", "TPU"):
        assert re.search(f"^{on}: `python -m benchmarks.embedding`, .*; A, {on} x 4,", first, re.MULTILINE)
    assert "TPU" not in second
    assert "CPU: not run yet." in second.partition("## Whole epoch")[0]
    assert "GPU: not run yet." in second.partition("## Whole epoch")[0]


def test_rows_with_other_variants_have_a_table_of_their_own():
    rows = {"x": {"a": [1.0]}, "y": {"b": [2.0]}, "z": {"a": [3.0]}}
    text = page.make({"input": timed("input", rows)}).partition("## Input")[2]
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert [[line.split("|")[1].strip() for line in block.splitlines()[2:]] for block in tables] == [["x", "z"], ["y"]]


def test_the_page_in_the_repository_is_what_the_records_say():
    assert page.PAGE.read_text() == page.make(reading.read(record.RESULTS), compiled.read(record.RESULTS))


def test_every_record_is_on_the_page():
    parts = {made["part"] for made in reading.read(record.RESULTS).values()}
    # On other pages: docs/anonymization.md, docs/crops.md, docs/serving.md, docs/learned_anonymizer.md
    assert parts - page.PARTS.keys() <= {"chosen_swaps", "retouch", "landmark_layouts", "votes", "learned_anonymizer"}


def test_every_part_on_the_page_is_measured_by_make_bench():
    (listed,) = re.findall(r"^PARTS \?= (.*)$", (page.PAGE.parent.parent / "Makefile").read_text(), re.MULTILINE)
    assert listed.split() == list(page.PARTS)


@pytest.mark.slow  # a server in a process of its own; tests/collection has fast ones
def test_votes_of_many_at_once_are_timed_and_none_is_lost():
    (row,) = measured(votes, "--annotators", "3", "--think", "0")["rows"]
    assert (row["votes"], row["lost_or_doubled"]) == (3 * (votes.OF_EACH + 8), 0)
    assert row["vote_milliseconds"]["p50"] <= row["vote_milliseconds"]["p95"]
