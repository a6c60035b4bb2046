import numpy as np
import pytest

from configs import synthetic
from perface_jax import naturalness
from perface_jax.anonymization import natural
from perface_jax.anonymization.methods import Method
from perface_jax.anonymization.natural import NaturalFloor
from perface_jax.datasets.portraits import Portraits
from perface_jax.naturalness import HeldOut
from perface_jax.statistics.estimates import Estimate

COUNT = 20


def faces(brightness):
    pictures = np.full((len(brightness), 8, 8, 3), 0, np.uint8) + np.asarray(brightness, np.uint8)[:, None, None, None]
    names = tuple(f"q{i}" for i in range(len(brightness)))
    points = np.zeros((len(brightness), 5, 2), np.float32)
    return Portraits(names, pictures, points, True, np.zeros((len(names), 3)), np.full((len(names), 2), 8))


@pytest.fixture
def floor():
    """The brighter a face, the more natural."""
    return NaturalFloor(lambda face: face.image[:, 0, 0, 0].astype(float), 50.0, 0.05)


def test_methods_are_compared_with_the_originals_and_the_floor(floor):
    originals = faces(np.arange(COUNT) + 100)
    methods = {
        "dark": Method(faces(np.full(COUNT, 10)), np.arange(COUNT), True),
        "same": Method(originals[np.arange(4)], np.arange(4), True),
        "half": Method(faces([0, 60, 0, 60]), np.arange(4), True),
    }
    rows = natural.natural_rows(floor, originals, methods, None)
    assert [row[:2] for row in rows] == [("originals", 20), ("dark", 20), ("same", 4), ("half", 4)]
    assert [row.above.value for row in rows] == [1, 0, 1, 0.5]
    assert [row.auc.value for row in rows[1:]] == [1, 0.5, 1]
    section = natural.natural_section(rows, floor)
    assert section.table.lines[0][2] == ""
    assert section.table.lines[1][2].startswith("1.000 [")
    assert "5% of the untouched faces" in section.help
    assert natural.natural_section(natural.natural_rows(NaturalFloor(), originals, methods, None), floor) is None


def test_a_model_that_does_not_know_the_originals_is_warned_of(floor):
    dark = faces(np.full(COUNT, 10))
    (warning,) = natural.warn_of_strangers(floor, dark)
    assert warning.startswith("Only 0 of 20 originals are above the floor of naturalness")
    mixed = faces([10] * 5 + [100] * 15)
    assert list(natural.warn_of_strangers(floor, mixed)) == []
    assert list(natural.warn_of_strangers(NaturalFloor(), dark)) == []


def test_the_model_of_a_config_is_opened_with_its_floor(tmp_path, monkeypatch):
    config = synthetic.get_config("demo")
    assert natural.open_floor(config) == NaturalFloor()
    held_out = {"ghost": HeldOut(Estimate(0.9, 0.8, 1.0), 0.5)}
    model = naturalness.NaturalnessModel({}, np.arange(101, dtype=np.float32), held_out)
    monkeypatch.setattr(natural.naturalness, "load", lambda _: model)
    config.anonymize.naturalness, config.anonymize.floor = "model.npz", 0.2
    found = natural.open_floor(config)
    assert found.floor == 20
    said = natural.describe(found)
    assert said.startswith("Floor of naturalness: +20.00.")
    assert "in training: ghost 0.90." in said
    assert "not measured" in natural.describe(found._replace(held_out={}))
    assert natural.describe(NaturalFloor()) == ""


def test_who_prefers_naturalness_without_a_model_hears_of_it():
    config = synthetic.get_config("demo")
    config.anonymize.prefer = "natural"
    with pytest.raises(ValueError, match=r"prefer is natural, and config.anonymize.naturalness empty; wanted the file"):
        natural.open_floor(config)
