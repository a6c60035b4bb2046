import numpy as np
import pytest

from perface_jax import naturalness
from perface_jax.naturalness import Faces, fitting
from tests.naturalness import noisy_faces


@pytest.fixture(scope="module")
def faces():
    return noisy_faces.faces()


@pytest.mark.slow
def test_it_learns_faults(faces):
    natural, faulty = faces
    model = naturalness.fit(*faces, steps=25)
    plain, dark = (naturalness.score(model, one.crops) for one in (natural, faulty["dark"]))
    assert naturalness.auc(plain[::4], dark[::4]) > 0.95  # every fourth was left out
    np.testing.assert_array_equal(model.untouched, np.sort(plain[::4]))


def test_the_floor_is_of_untouched_faces_of_people_left_out(faces, monkeypatch):
    natural, faulty = faces
    seen = {}
    monkeypatch.setattr(fitting, "_train", lambda own, others, **_: seen.update({"natural": own, **others}) or {})
    monkeypatch.setattr(fitting, "score", lambda _, crops: -np.arange(len(crops), dtype=np.float32))
    model = naturalness.fit(natural, faulty)
    assert [*seen] == ["natural", "dark", "bright"]
    assert all(not set(one.persons) & set(natural.persons[::4]) for one in seen.values())
    assert model.untouched.tolist() == [-3, -2, -1, 0]
    assert naturalness.floor(model, share=0.0) == -np.inf
    assert naturalness.floor(model, share=0.5) == -1.5
    with pytest.raises(ValueError, match="share is 1; wanted 0 or more"):
        naturalness.floor(model, share=1)


def test_each_kind_is_found_by_a_model_that_was_trained_without_it(faces, monkeypatch):
    natural, faulty = faces
    trained = {}

    def train(seen, others, **_):
        trained[tuple(others)] = {*seen.persons}.union(*(one.persons for one in others.values()))
        return {}

    monkeypatch.setattr(fitting, "_train", train)
    monkeypatch.setattr(fitting, "score", lambda _, crops: crops[:, 31].mean((1, 2)))  # knows bright lines only
    found = naturalness.held_out_scores(natural, faulty)
    assert [*trained] == [("bright",), ("dark",)]
    assert all(not persons & set(natural.persons[::4]) for persons in trained.values())
    assert found["dark"].auc.value == 1
    assert found["bright"].auc.value == 0
    assert (found["dark"].below, found["bright"].below) == (1, 0)
    with pytest.raises(ValueError, match="1 kinds of faults; wanted two or more"):
        naturalness.held_out_scores(natural, {"dark": faulty["dark"]})


def test_faulty_faces_come_with_the_untouched_ones_of_their_persons(faces):
    natural, faulty = faces
    dark = faulty["dark"]
    stranger = Faces(dark.crops[:1], np.array(["somebody"]))
    batch = next(fitting._batches(natural, {"dark": Faces(dark.crops[::-1], dark.persons[::-1])}, 1, 0))
    good, bad = np.split(batch, 2)
    np.testing.assert_array_equal(np.delete(good, slice(30, 33), 1), np.delete(bad, slice(30, 33), 1))
    assert len(next(fitting._batches(natural, {"other": stranger}, 1, 0))) == 2 * fitting.HALF


def test_what_cannot_be_trained_is_refused(faces):
    natural, faulty = faces
    with pytest.raises(ValueError, match="7 persons and 2 kinds of faults; wanted 8 and 1"):
        naturalness.fit(Faces(natural.crops[:7], natural.persons[:7]), faulty)
    with pytest.raises(ValueError, match="16 persons and 0 kinds"):
        naturalness.fit(natural, {})
    first = Faces(natural.crops[:1], natural.persons[:1])
    with pytest.raises(ValueError, match="few: no face of the people to train on"):
        naturalness.fit(natural, {"few": first})
