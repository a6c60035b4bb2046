import numpy as np
import pytest

from perface_jax.anonymization.attribute_guard import Looks, is_compatible, read_looks
from perface_jax.anonymization.inputs import Inputs
from perface_jax.datasets import portrait_files
from perface_jax.datasets.portraits import Portraits

NAMES = ("a", "b", "c")


def faces(measured=False):
    return Portraits(NAMES, np.zeros((3, 4, 4, 3), np.uint8), np.zeros((3, 5, 2)), measured, np.zeros((3, 3)), None)


def looks(marks, turn=None):
    return Looks(3, {kind: np.array(values) for kind, values in marks.items()}, turn)


def test_glasses_and_beards_have_to_be_the_same():
    one = looks({"glasses": ["0", "1", "1"], "beard": ["no", "no", "yes"]})
    other = looks({"glasses": ["0", "1", "0"], "beard": ["no", "no", "yes"]})
    wanted = [[True, False, False], [False, True, False], [False, False, False]]
    np.testing.assert_array_equal(is_compatible(one, other, turn=20), wanted)


def test_what_is_unknown_of_one_side_is_not_compared():
    one, other = looks({"glasses": ["0", "1", "1"]}), looks({"beard": ["no", "no", "yes"]}, np.zeros((3, 2)))
    assert is_compatible(one, other, turn=20).all()


def test_heads_may_differ_by_the_angle_and_not_by_more():
    one = looks({}, np.array([[0, 0], [15, 0], [np.nan, np.nan]]))
    other = looks({}, np.array([[20, 0], [-12, 16], [0, 21]]))
    wanted = [[True, True, False], [True, False, False], [True, True, True]]
    np.testing.assert_array_equal(is_compatible(one, other, turn=20), wanted)
    assert is_compatible(one, other, turn=180).all()
    with pytest.raises(ValueError, match="turn is 0; wanted degrees above 0"):
        is_compatible(one, other, turn=0)


def test_columns_of_the_guard_are_read_and_form_no_groups(tmp_path):
    file = tmp_path / "attributes.csv"
    file.write_text("name,sex,Glasses,beard\na,f,no,no\nb,f,yes,no\nc,m,no,yes\n")
    assert set(portrait_files.read_attributes(str(file), NAMES)) == {"sex"}
    found = read_looks("originals", faces(), Inputs("o", attributes={"originals": str(file)}))
    assert {kind: values.tolist() for kind, values in found.marks.items()} == {
        "glasses": ["no", "yes", "no"],
        "beard": ["no", "no", "yes"],
    }
    assert found.turn is None
    assert read_looks("originals", faces(), Inputs("o")).marks == {}
    file.write_text("name,glasses\na,no\nb,\nc,no\n")
    with pytest.raises(ValueError, match="glasses"):
        read_looks("originals", faces(), Inputs("o", attributes={"originals": str(file)}))


def test_the_attributes_of_celebamask_hq_are_understood(tmp_path):
    file = tmp_path / "CelebAMask-HQ-attribute-anno.txt"
    rows = "a.jpg -1 1 -1 1 1 -1\nb.jpg 1 1 1 1 1 -1\nc.jpg 1 -1 -1 -1 1 -1\n"
    file.write_text(f"3\nEyeglasses No_Beard Mustache Male Young Goatee\n{rows}")
    found = portrait_files.read_guarded(str(file), NAMES)
    assert found["glasses"].tolist() == ["False", "True", "True"]
    assert found["beard"].tolist() == ["False", "True", "True"]
    with pytest.raises(ValueError, match="no row for d"):
        portrait_files.read_guarded(str(file), (*NAMES, "d"))
