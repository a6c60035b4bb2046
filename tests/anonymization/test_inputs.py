"""Faces, groups and persons by role."""

import numpy as np
import pytest

from perface_jax.anonymization import inputs
from perface_jax.anonymization.inputs import Inputs
from perface_jax.datasets.portraits import Portraits


def faces(*names):
    """Of these names, all black."""
    count = len(names)
    pictures, points = np.zeros((count, 4, 4, 3), np.uint8), np.zeros((count, 5, 2), np.float32)
    return Portraits(names, pictures, points, True, np.zeros((count, 3)), np.full((count, 2), 4))


def test_queries_are_originals_and_a_file_without_a_role_is_for_originals_and_candidates():
    given = Inputs("o", {"ours": "d"}, "c", {"queries": "q.npz", "ours": "r.npz"}, {None: "a.csv"})
    named = inputs.name_roles(given)
    assert named.landmarks == {"originals": "q.npz", "ours": "r.npz"}
    assert named.attributes == {"originals": "a.csv", "candidates": "a.csv"}
    named = inputs.name_roles(given._replace(landmarks={"queries": "q.npz", None: "l.npz", "ours": "r.npz"}))
    assert named.landmarks == {"originals": "q.npz", "candidates": "l.npz", "ours": "r.npz"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"landmarks": {"our": "f"}},
            "--landmarks names our; wanted FILE, or one of originals, queries, candidates, ours",
        ),
        ({"attributes": {"orignals": "f"}}, "--attributes names orignals; wanted FILE, or one of originals, queries,"),
        ({"attributes": {"ours": "f"}}, "--attributes names ours; wanted FILE, or one of originals"),
        ({"landmarks": {"candidates": "f"}, "candidates": ""}, "--landmarks names candidates; wanted FILE, or one of"),
        ({"landmarks": {"queries": "f", "originals": "g"}}, "which are the same pictures"),
        ({"methods": {"candidates": "d"}}, "names a method candidates, which is a role"),
    ],
)
def test_a_file_of_an_unknown_role_is_refused(changes, message):
    given = Inputs("o", {"ours": "d"}, "c")._replace(**changes)
    with pytest.raises(ValueError, match=message):
        inputs.name_roles(given)


def test_no_group_of_an_original_has_its_own_picture_or_person(tmp_path):
    rows = "q,f,ann r,m,bob a1,f,ann a2,f,eve a3,f,eve b1,m,dan b2,m,cy r2,m,bob".split()
    (tmp_path / "groups.csv").write_text("\n".join(["name,sex,person", *rows]))
    given = Inputs("o", candidates="c", attributes=dict.fromkeys(("originals", "candidates"), tmp_path / "groups.csv"))
    candidates = faces("a1", "a2", "a3", "b1", "b2", "r2")
    names, members = inputs.read_members(faces("q", "r"), candidates, given)
    assert names == ["f", "m"]
    np.testing.assert_array_equal(members[0], [[0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])  # not a1, who is ann
    np.testing.assert_array_equal(members[1], [[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0]])  # not r2, who is bob


def test_without_persons_only_the_own_picture_is_left_out():
    names, members = inputs.read_members(faces("b", "z"), faces("a", "b", "c"), Inputs("o", candidates="c"))
    assert names == ["all"]
    np.testing.assert_array_equal(members, [[[1, 0, 1]], [[1, 1, 1]]])
