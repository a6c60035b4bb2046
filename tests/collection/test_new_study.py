"""The folder of a study: what is in it, and what a page could learn of it."""

import numpy as np
import pytest
from PIL import Image

from perface_jax.collection import Choice, Kind, material, new_study, open_study, plan_trials
from perface_jax.collection import study as studies


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """12 sources on 2 targets."""
    folder = tmp_path_factory.mktemp("release")
    (folder / "triplet").mkdir()
    random, lines = np.random.default_rng(0), ["tripletId,source,target"]
    for k in range(24):
        lines.append(f"t{k:04d},{k // 2},{k % 2}")
        for role in "abc":
            picture = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(picture).save(folder / "triplet" / f"t{k:04d}_{role}.jpg")
    (folder / "ids.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def triplets(release):
    return material.of_release(release, ids=release / "ids.csv")


def _plan(folder, text="annotators: 3\ndummies: 4\npractice: 2\nsize: 32\n"):
    (folder / "plan.yaml").write_text(text)
    return folder / "plan.yaml"


@pytest.fixture(scope="module")
def study(triplets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("new")
    return new_study.create_study(folder / "study", _plan(folder), triplets)


def test_a_new_study_opens_with_all_triplets_dummies_and_practice(study):
    assert [len(study.of_kind(kind)) for kind in (Kind.VOTE, Kind.DUMMY, Kind.PRACTICE)] == [24, 8, 2]
    assert len(plan_trials(study, 0)) == 2 + 24 + 1 + 4
    assert [one.expected for one in study.of_kind(Kind.DUMMY)] == [Choice.A, Choice.B] * 4
    assert all(one.expected is None for one in study.of_kind(Kind.VOTE))


def test_pictures_are_told_apart_neither_by_name_nor_by_size(study):
    paths = list((study.folder / studies.PICTURES).iterdir())
    assert len(paths) == len(study.pictures) == 3 * (24 + 8 + 2)
    assert len({path.stat().st_size for path in paths}) == 1
    assert len({path.read_bytes() for path in paths}) == len(paths)
    assert all(studies.PICTURE_ID.fullmatch(path.stem) for path in paths)


def test_the_right_picture_of_a_dummy_is_the_reference(study):
    for one in (*study.of_kind(Kind.DUMMY), *study.of_kind(Kind.PRACTICE)):
        shown = {
            role: np.asarray(Image.open(study.picture_path(getattr(one, role))), float)
            for role in ("reference", "a", "b")
        }
        distance = {role: np.abs(shown[role] - shown["reference"]).mean() for role in "ab"}
        assert min(distance, key=distance.get) == one.expected


def test_dummies_never_have_the_name_of_a_triplet(triplets, tmp_path):
    named = [one._replace(triplet=f"{'dp'[k % 2]}{k // 2:04d}") for k, one in enumerate(triplets)]
    made = new_study.create_study(tmp_path / "study", _plan(tmp_path), named)
    assert len({one.name for one in made.triplets}) == len(made.triplets) == 24 + 8 + 2


def test_a_triplet_with_one_picture_under_two_names_is_refused(triplets, tmp_path):
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(triplets[3].reference.read_bytes())
    shown = [*triplets[:3], triplets[3]._replace(b=copy), *triplets[4:]]
    with pytest.raises(ValueError, match="triplet t0003: two of its pictures .* are the same file"):
        new_study.create_study(tmp_path / "study", _plan(tmp_path), shown)
    assert not (tmp_path / "study").exists()


def test_a_picture_of_another_name_is_refused(study):
    for name in ("../secret", "0" * 32, ""):
        with pytest.raises(ValueError, match="no picture of this study"):
            study.picture_path(name)


def test_the_secret_is_for_the_owner_alone(study):
    assert (study.folder / studies.SECRET).stat().st_mode & 0o077 == 0
    assert study.secret not in repr(study)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("annotators: 3\ndummies: 11", "too few for 11 dummies"),
        ("annotators: 3\ndummies: 4\npractice: 2\nspacing: 20", "within 20 trials"),
        ("annotators: 2\ndummies: 4", "3 votes on every triplet by 2"),
    ],
)
def test_a_plan_that_does_not_fit_leaves_nothing_behind(triplets, tmp_path, plan, message):
    with pytest.raises(ValueError, match=message):
        new_study.create_study(tmp_path / "study", _plan(tmp_path, plan), triplets)
    assert [path.name for path in tmp_path.iterdir()] == ["plan.yaml"]


def test_a_folder_with_something_in_it_is_left_alone(study, triplets):
    with pytest.raises(ValueError, match="is there already"):
        new_study.create_study(study.folder, study.folder / studies.PLAN, triplets)


def test_a_damaged_study_is_refused(study, tmp_path):
    with pytest.raises(FileNotFoundError, match="wanted a study"):
        open_study(tmp_path)
    for name in (studies.PLAN, studies.SECRET):
        (tmp_path / name).write_bytes((study.folder / name).read_bytes())
    text = (study.folder / studies.TRIPLETS).read_text()
    (tmp_path / studies.TRIPLETS).write_text(text)
    with pytest.raises(ValueError, match="lacks 102 pictures"):
        open_study(tmp_path)
    (tmp_path / studies.TRIPLETS).write_text(text.replace(",dummy,", ",dumb,", 1))
    with pytest.raises(ValueError, match="line 26.*dumb"):
        open_study(tmp_path)
