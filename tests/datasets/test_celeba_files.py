import pytest

from perface_jax.datasets import celeba_files

ATTRIBUTES = "4\nBald Male Young\n0.jpg  -1 1 1\n1.jpg  -1 -1 1\n2.jpg  1 1 -1\n3.jpg  -1 -1 -1\n"
MARKS = ",".join(["name", *celeba_files.LANDMARKS])
NINE = ",".join("1" * 9)


def written(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.fixture
def attributes(tmp_path):
    return celeba_files.read_attributes(written(tmp_path / "attributes.txt", ATTRIBUTES))


def test_attributes_are_read_by_name_and_put_into_four_groups(attributes):
    assert attributes.names == ("0", "1", "2", "3")
    assert attributes.male.tolist() == [True, False, True, False]
    assert attributes.young.tolist() == [True, True, False, False]
    groups = [celeba_files.GROUPS[group] for group in attributes.groups()]
    assert groups == ["young male", "young female", "older male", "older female"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("25\nMale Young\n0.jpg 1 1\n", "line 1: says 25 pictures, the file has 1 rows"),
        ("Male Young\n0.jpg 1 1\n", "line 1: 'Male Young', expected the number of pictures"),
        ("²\nMale Young\n0.jpg 1 1\n1.jpg 1 1\n", "line 1: '²', expected the number of pictures"),
        ("9" * 5000, "line 1: '9999.*', expected the number of pictures"),
        ("", "line 1: '', expected the number of pictures"),
        (b"1\nMale Young\n\xe9.jpg 1 1\n", r"line 3: the byte b'\\xe9', expected text in UTF-8"),
        ("1\nMale Old\n0.jpg 1 1\n", "line 2: 0 attributes Young, expected 1: Male, Old"),
        ("1\nMale Young Male\n0.jpg 1 1 -1\n", "line 2: 2 attributes Male, expected 1: Male, Young, Male"),
        ("2\nMale Young\n0.jpg 1 1\n1.jpg 1\n", "line 4: '1.jpg 1', expected a name and 2 values 1 or -1"),
        ("2\nMale Young\n0.jpg 1 1\n1.jpg 1 0\n", "line 4: '1.jpg 1 0', expected a name and 2 values 1 or -1"),
        ("2\nMale Young\n0.jpg 1 1\n0.jpg 1 1\n", "line 4: '0' was already on line 3"),
        ("2\nMale Young\n\n0.jpg 1 1\n\n0.jpg 1 1\n", "line 6: '0' was already on line 4"),
        ("2\nMale Young\n0.jpg 1 1\n\n1.jpg 1 0\n", "line 5: '1.jpg 1 0', expected a name"),
    ],
)
def test_a_bad_attribute_file_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=f"attributes.txt, {message}"):
        celeba_files.read_attributes(written(tmp_path / "attributes.txt", text))


def test_corrections_are_applied_and_changed_values_counted(attributes, tmp_path):
    path = written(tmp_path / "corrections.csv", "name,Young,Male\n0.jpg,,-1\n1,-1,-1\n2,1,1\n")
    corrected, changed = celeba_files.correct(attributes, path)
    # 0 was male: changed. 1 was a young woman: Young changed, Male confirmed. 2 was an older man: Young changed.
    assert changed == 3
    assert corrected.male.tolist() == [False, False, True, False]
    assert corrected.young.tolist() == [True, False, True, False]
    assert attributes.male.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,Male,Bald\n", "line 1: columns name, Male, Bald, expected name and Male, Young or both, once each"),
        ("Male,Young\n", "line 1: columns Male, Young, expected name"),
        ("name\n1\n", "line 1: columns name, expected name and Male, Young or both"),
        ("name,Male,male\n1,1,-1\n", "line 1: saw the header 'name,Male,male', wanted Male in it once"),
        ("Name,name,Male\n1,2,-1\n", "line 1: saw the header 'Name,name,Male', wanted name in it once"),
        (b"name,Male\n1,1\n\xff,1\n", r"line 3: '\\udcff' is not in the attribute file"),
        ("name,Male\n1,-1\n99,1\n", "line 3: '99' is not in the attribute file"),
        ("name,Male\n1,male\n", "line 2: Male is 'male', expected 1, -1 or nothing"),
        ("name,Male\n1,1\n1.jpg,1\n", "line 3: '1' was already on line 2"),
        ("name,Male\n1\n", r"line 2: saw 1 cells \(1\), wanted 2"),
        ("name,Male\n\n\n99,1\n", "line 4: '99' is not in the attribute file"),
        ("name,Male\n1,1\n\n1.jpg,1\n", "line 4: '1' was already on line 2"),
    ],
)
def test_bad_corrections_are_refused_with_their_line(attributes, tmp_path, text, message):
    with pytest.raises(ValueError, match=f"corrections.csv, {message}"):
        celeba_files.correct(attributes, written(tmp_path / "corrections.csv", text))


def test_landmarks_come_with_their_line_and_other_columns_are_ignored(tmp_path):
    path = written(tmp_path / "landmarks.csv", f"score,{MARKS}\n\n.9,7.jpg,1,2,3,4,5,6,7,8,9,10\n")
    points, line = celeba_files.read_landmarks(path)["7"]
    assert points.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]
    assert line == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n", "line 1: no column name, left_eye_x"),
        (f"{MARKS},nose_x\n", "line 1: saw .* wanted nose_x in it once"),
        (f"{MARKS}\n0,{NINE},here\n", "line 2: saw 'here' is not a number, wanted ten numbers"),
        (f"{MARKS}\n0,{NINE},1_0\n", "line 2: saw '1_0' is not a number, wanted ten numbers"),
        (f"{MARKS}\n", "line 1: saw a header and no lines below it, wanted a line for each face"),
        (f"{MARKS}\n0,{NINE},nan\n", "line 2: saw 'nan' is not a number"),
        (f"{MARKS}\n0,{NINE},1\n0.jpg,{NINE},1\n", "line 3: '0' was already on line 2"),
        (f'{MARKS}\n0,"{"1" * 200_000}\n', "line 2: not a CSV file"),
    ],
)
def test_bad_landmarks_are_refused_with_their_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=f"landmarks.csv, {message}"):
        celeba_files.read_landmarks(written(tmp_path / "landmarks.csv", text))
