"""`perface benchmark`: what is timed is called, rates follow from the seconds, and the file has every call."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.commands import benchmark
from perface_jax.network import compilation
from perface_jax.network.model_folder import load_model
from perface_jax.similarity import similarity


@pytest.fixture(autouse=True)
def cache(monkeypatch):
    monkeypatch.setattr(compilation, "keep_programs", lambda: None)


def test_rates_and_ratios_are_those_of_the_seconds():
    first = benchmark.Row("embed", 1, 1, 9.0, (0.5, 0.25, 0.2))
    row = benchmark.Row("embed", 8, 8, 9.04, (2.0, 1.0, 0.5, 4.0, 1.6))
    assert row.rates() == (5.0, 4.0, 8.0)
    shown = benchmark.line(row, first)
    assert shown.split() == ["embed", "8", "5", "[4,", "8]", "1.25", "1600", "9.0", "s"]
    assert len(benchmark.HEADER) <= 80
    assert len(shown) == len(benchmark.HEADER)
    train = benchmark.Row("train", 8, 24, 9.0, (2.0,))
    assert benchmark.found([first, row, train]) == [
        "It embeds 5 pictures a second at best, 18,000 an hour.",
        "It trains on 12 pictures a second at best, 43,200 an hour.",
    ]


def test_the_first_calls_are_not_timed_and_at_least_three_are(monkeypatch):
    now, calls = [0.0], []

    def call():
        calls.append(len(calls))
        now[0] += 50.0 if len(calls) < 3 else 2.0
        return jnp.zeros(())

    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: now[0])
    row = benchmark._timed("train", 2, 6, call, 0.0)
    assert (row.compiling, row.seconds) == (50.0, (2.0, 2.0, 2.0))
    assert len(benchmark._timed("train", 2, 6, call, 9.0).seconds) == 5


def test_what_is_timed_embeds_and_trains(start):
    model, variables = load_model(start)
    size = model.image_size
    pictures = jnp.asarray(np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8))
    embedded = benchmark._embedding(model, variables, pictures)()
    wanted = model.apply(variables, (pictures.astype(jnp.float32) - 127.5) / 127.5)
    np.testing.assert_allclose(similarity(embedded, wanted), 1, atol=1e-5)
    step = benchmark._training(model, variables, jnp.stack([pictures, pictures[::-1], pictures], axis=1))
    losses = [float(step()[1]["loss"]) for _ in range(3)]
    assert losses[2] < losses[0]
    assert int(jax.tree.leaves(variables)[0].size)  # the weights that came are still there


def test_the_command_prints_a_table_and_writes_every_call(start, tmp_path, capsys, monkeypatch):
    rows = [benchmark.Row("embed", 2, 2, 1.0, (0.1, 0.1, 0.1))]
    monkeypatch.setattr(benchmark, "measure", lambda *_, **options: asked.update(options) or iter(rows))
    asked = {}
    benchmark.main(["--model", str(start), "--embed", "2", "--train", "--seconds", "0", "--json", str(tmp_path / "b")])
    assert asked == {"embed": [2], "train": [], "seconds": 0.0}
    said = capsys.readouterr().out
    assert max(map(len, said.replace(str(start), "").replace(str(tmp_path), "").splitlines())) <= 80
    assert "embed        2          20" in said
    written = json.loads((tmp_path / "b").read_text())
    assert written["rows"][0]["seconds"] == [0.1, 0.1, 0.1]
    assert written["jax"] == jax.__version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "/nope"], "/nope is not a model folder"),
        (["--embed", "0"], "saw '0', wanted a whole number, at least 1"),
        (["--arch", "r18", "--width", "1", "--image_size", "16", "--embed", "--train"], "saw no batch"),
    ],
)
def test_wrong_input_is_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        benchmark.main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err
