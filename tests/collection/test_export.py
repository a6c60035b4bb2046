"""What is exported is what was collected, in forms that the library reads."""

import collections
import json

import numpy as np
import pytest

from perface_jax import annotations, files
from perface_jax.collection import Kind, Share, plan_trials
from perface_jax.collection import study as studies
from perface_jax.collection.export import export_votes
from tests.collection.simulated_session import votes_of
from tests.collection.small_study import write_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = write_study(tmp_path_factory.mktemp("export") / "study")
    originals = [(picture, made.folder / "original.jpg", "0") for picture in sorted(made.pictures)]
    files.write_csv(made.folder / studies.ORIGINALS, [studies.ORIGINAL_COLUMNS, *originals])
    return made


@pytest.fixture(scope="module")
def votes(study):
    return [vote for annotator in range(4) for vote in votes_of(study, annotator)]


@pytest.fixture(scope="module")
def exported(study, votes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "out"
    export_votes(study, votes, folder)
    return folder


def test_the_long_form_has_every_vote_and_comes_back(study, votes, exported):
    read = annotations.read_answers(exported / "votes.csv")
    assert read.annotators == ("p00", "p01", "p02", "p03")
    counted = [vote for vote in votes if vote.kind is not Kind.PRACTICE]
    assert read.details.ids == tuple(vote.triplet for vote in counted)
    np.testing.assert_array_equal(read.details.milliseconds, [vote.milliseconds for vote in counted])
    np.testing.assert_array_equal(read.details.side, [int(vote.side == "right") for vote in counted])
    assert [int(read.details.of_kind(kind).sum()) for kind in ("vote", "dummy", "repeat")] == [156, 16, 8]
    assert (read.votes >= 0).sum() == 156
    np.testing.assert_array_equal((read.votes >= 0).sum(1), 3)


def test_the_release_has_the_votes_and_the_pictures_of_every_triplet(study, votes, exported):
    release = annotations.read_answers(exported / "release" / "triplet_answers.csv")
    assert release.columns == ("ans1", "ans2", "ans3")
    given = collections.Counter((v.triplet, v.choice) for v in votes if v.kind is Kind.VOTE)
    for name, row in zip(release.ids, release.votes, strict=True):
        assert (row == 0).sum() == given[name, "a"]
    assert len(list((exported / "release" / "triplet").iterdir())) == 3 * 52
    ids = annotations.read_ids(exported / "release" / "ids.csv", release.ids)
    assert (ids.source_id.max(), ids.target_id.max()) == (12, 3)
    record = json.loads((exported / "release" / "collected.json").read_text())
    assert record["words"] == "156 votes on 52 triplets by 4 annotators of the study study, 2026-11-30"
    assert (record["counts"], len(record["plans"])) == ({"vote": 156, "repeat": 8, "dummy": 16}, 4)


def test_annotators_and_shares_are_left_out_by_name(study, votes, tmp_path):
    export_votes(study, votes, tmp_path / "out", drop=["p02"], long_release=True)
    for name in ("votes.csv", "release/triplet_answers.csv"):
        assert annotations.read_answers(tmp_path / "out" / name).annotators == ("p00", "p01", "p03")
    with pytest.raises(ValueError, match="no votes to write"):
        export_votes(study, votes, tmp_path / "adaptive", share=Share.ADAPTIVE)
    with pytest.raises(ValueError, match="nobody called p9 voted"):
        export_votes(study, votes, tmp_path / "none", drop=["p9"])
    with pytest.raises(ValueError, match="there already"):
        export_votes(study, votes, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_release_has_the_original_pictures_where_they_are_unchanged(tmp_path):
    study = write_study(tmp_path / "study")
    (tmp_path / "original.jpg").write_bytes(b"original")
    digest = files.sha256(tmp_path / "original.jpg")
    one = next(triplet for triplet in study.of_kind(Kind.VOTE) if triplet.name == plan_trials(study, 0)[-1].triplet)
    rows = [(one.a, tmp_path / "original.jpg", digest), (one.b, tmp_path / "original.jpg", "changed")]
    files.write_csv(study.folder / studies.ORIGINALS, [studies.ORIGINAL_COLUMNS, *rows])
    export_votes(study, votes_of(study, 0), tmp_path / "out")
    copied = {role: (tmp_path / f"out/release/triplet/{one.name}_{role}.jpg").read_bytes() for role in "abc"}
    assert copied["a"] == b"original"
    assert copied["b"] == copied["c"] == study.picture_path(one.b).read_bytes()
