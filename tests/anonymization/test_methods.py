"""Methods that are given and methods that are made here: their names, their places, and who can look at them."""

import types

import numpy as np
import pytest

from configs import synthetic
from perface_jax.anonymization import methods, scores
from perface_jax.anonymization.baselines import Reference
from perface_jax.anonymization.embedders import FileEmbedder
from perface_jax.anonymization.inputs import Embedders, Inputs
from perface_jax.anonymization.scores import Benchmark, Method, Seen
from perface_jax.datasets.portraits import Portraits

COUNT = 3


@pytest.fixture
def originals():
    names = tuple("abc")
    pictures, points = np.zeros((COUNT, 4, 4, 3), np.uint8), np.zeros((COUNT, 5, 2), np.float32)
    return Portraits(names, pictures, points, True, np.zeros((COUNT, 3)), np.full((COUNT, 2), 4))


def test_a_given_method_must_not_have_the_name_of_one_made_here():
    config = synthetic.get_config("demo")
    methods.refuse_clashes(config, Inputs("o", {"ours": "d", "blur + skin": "d"}))
    with pytest.raises(ValueError, match="--anonymized names blur, which is the name of a method made here"):
        methods.refuse_clashes(config, Inputs("o", {"blur": "d"}))
    config.anonymize.retouch = ("skin",)
    for clash in ("blur + skin", "ours + skin"):
        with pytest.raises(ValueError, match=rf"names {clash.replace('+', '.')}, which"):
            methods.refuse_clashes(config, Inputs("o", {"ours": "d", clash: "d"}))
    config.anonymize.references, config.anonymize.retouch = (), ()
    methods.refuse_clashes(config, Inputs("o", {"blur": "d"}))


def pipeline(chosen):
    """Results that are all 10 query + place."""
    images = np.array([[10 * query + place for place in range(2)] for query in range(COUNT)], np.uint8)
    images = np.broadcast_to(images[..., None, None, None], (COUNT, 2, 4, 4, 3))
    choice, offered = types.SimpleNamespace(chosen=np.asarray(chosen)), types.SimpleNamespace(group=None)
    return types.SimpleNamespace(
        choice=choice, offered=offered, images=images, landmarks=np.ones((COUNT, 2, 59, 2), np.float32)
    )


def test_the_chosen_swap_has_only_results_that_are_admitted(originals):
    options = {"members": None, "machine": lambda *_: np.ones((COUNT, 2)), "seed": 0}
    wanted = [Reference.BLUR, Reference.CHOSEN_SWAP]
    made = methods.swaps(wanted, originals, originals, pipeline([1, -1, 0]), **options)
    chosen = made["chosen swap"]
    assert list(made) == ["chosen swap"]
    assert (list(chosen.places), chosen.portraits.names) == ([0, 2], ("a", "c"))
    np.testing.assert_array_equal(chosen.portraits.images[:, 0, 0, 0], [1, 20])
    assert chosen.portraits.landmarks.shape == (2, 59, 2)
    assert chosen.portraits.skipped == (("b", "no result is admitted"),)
    assert methods.swaps(wanted, originals, originals, pipeline([-1, -1, -1]), **options) == {}


@pytest.fixture
def asked(monkeypatch):
    """Which machines were asked about which methods."""
    calls = []

    def benchmark(originals, given, *, perceive, machines):
        calls.append((list(given), list(machines)))
        rows = [(method, machine) for method in given for machine in machines]
        seen = {method: Seen(None, {machine: np.ones(COUNT) for machine in machines}) for method in given}
        empty = {field: [] for field in Benchmark._fields}
        return Benchmark(**(empty | {"machine": rows, "seen": seen, "measured": dict.fromkeys(given, {})}))

    monkeypatch.setattr(scores, "benchmark", benchmark)
    return calls


def test_vectors_from_files_are_not_asked_for_what_is_made_here(originals, asked):
    whole = Method(originals, np.arange(COUNT))
    eyes = Embedders(None, {"theirs": FileEmbedder({}, "theirs"), "network": object()})
    found = methods.benchmark(originals, {"ours": whole}, {"blur": whole}, eyes=eyes)
    assert asked == [(["ours"], ["theirs", "network"]), (["blur"], ["network"])]
    assert found.machine == [("ours", "theirs"), ("ours", "network"), ("blur", "network")]
    assert set(found.measured) == {"ours", "blur"}
    assert np.isnan(found.seen["blur"].matched["theirs"]).all()
    assert list(found.seen["blur"].matched) == ["network", "theirs"]  # a NaN behind numbers is no maximum
    assert np.isfinite(found.seen["ours"].matched["theirs"]).all()


def test_where_all_machines_can_look_one_benchmark_has_all(originals, asked):
    whole = Method(originals, np.arange(COUNT))
    methods.benchmark(originals, {"ours": whole}, {"blur": whole}, eyes=Embedders(None, {"network": object()}))
    files = Embedders(None, {"theirs": FileEmbedder({}, "theirs")})
    methods.benchmark(originals, {"ours": whole}, {}, eyes=files)
    assert asked == [(["ours", "blur"], ["network"]), (["ours"], ["theirs"])]
