"""Columns of landmarks by their names, as several programs write them."""

import numpy as np
import pytest

from perface_jax.datasets import celeba_files, portrait_files
from perface_jax.datasets.landmark_columns import LANDMARKS, five_columns, name_column, numbered_columns

CELEBA = "lefteye_x,lefteye_y,righteye_x,righteye_y,nose_x,nose_y,leftmouth_x,leftmouth_y,rightmouth_x,rightmouth_y"
OTHERS = "eye_right_x,eye_right_y,eye_left_x,eye_left_y,nose_tip_x,nose_tip_y,right mouth corner x,right mouth corner y"


@pytest.mark.parametrize(
    "header",
    [
        ",".join(LANDMARKS),
        CELEBA,
        "leftEyeX,leftEyeY,rightEyeX,rightEyeY,noseX,noseY,mouthLeftX,mouthLeftY,mouthRightX,mouthRightY",
        "x1,y1,x2,y2,x3,y3,x4,y4,x5,y5",
        "X_0,Y_0,X_1,Y_1,X_2,Y_2,X_3,Y_3,X_4,Y_4",
    ],
)
@pytest.mark.parametrize("order", [0, 1])
def test_five_points_are_found_whatever_their_order(header, order):
    columns = header.split(",")
    shuffled = np.random.default_rng(order).permutation(["image_id", *columns, "score", "left", "top"]).tolist()
    assert five_columns(shuffled) == columns
    assert name_column(shuffled) == "image_id"


@pytest.mark.parametrize(
    "header",
    [
        CELEBA.replace("nose_x", "nose_z"),  # one is missing
        f"{CELEBA},left_eye_x",  # one is there twice
        OTHERS,
        "x1,x2,x3,x4,y1,y2,y3,y4",
        "x2,y2,x3,y3,x4,y4,x5,y5,x6,y6",
        "x1,y1,x2,y2,x3,y3,x4,y4,x5,y5,x05,y05",
        "a,b,c,d,e,f,g,h,i,j",
        "left_eye_inner_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,mouth_left_y,mouth_right_x,"
        "mouth_right_y",
    ],
)
def test_what_is_not_named_is_not_guessed(header):
    assert five_columns(header.split(",")) is None


def test_numbered_points_may_come_all_x_first():
    header = [*(f"x_{i}" for i in range(68)), *(f"y_{i}" for i in range(68)), "name"]
    found = numbered_columns(header)
    assert found is not None
    assert found[:4] == ["x_0", "y_0", "x_1", "y_1"]
    assert numbered_columns(header[1:]) is None


def test_both_readers_read_them(tmp_path):
    (tmp_path / "celeba.csv").write_text(f"image_id,{CELEBA}\n7.jpg,1,2,3,4,5,6,7,8,9,10\n")
    points, _ = celeba_files.read_landmarks(tmp_path / "celeba.csv")["7"]
    np.testing.assert_array_equal(points, np.arange(1, 11).reshape(5, 2))
    (tmp_path / "mtcnn.csv").write_text("name,x1,x2,x3,x4,x5,y1,y2,y3,y4,y5\n7.jpg,1,3,5,7,9,2,4,6,8,10\n")
    for read in (portrait_files.read_landmarks(str(tmp_path / "mtcnn.csv"))["7"],
                 celeba_files.read_landmarks(tmp_path / "mtcnn.csv")["7"][0]):  # fmt: skip
        np.testing.assert_array_equal(read, np.arange(1, 11).reshape(5, 2))


@pytest.mark.parametrize("count", [98, 106])
def test_sets_that_are_not_known_are_refused_with_their_count(tmp_path, count):
    header = ",".join(f"x{i},y{i}" for i in range(count))
    (tmp_path / "many.csv").write_text(f"name,{header}\na,{','.join('1' * 2 * count)}\n")
    with pytest.raises(ValueError, match=rf"many.csv, line 1: saw {2 * count + 1} columns.*of 5, 59, 68, 468, 478"):
        portrait_files.read_landmarks(str(tmp_path / "many.csv"))
