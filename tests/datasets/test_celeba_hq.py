import csv

import numpy as np
import pytest
from PIL import Image

from perface_jax import images
from perface_jax.datasets import celeba_files, celeba_hq

COLUMNS = ["Bald", "Male", "Smiling", "Young"]
FACES = 24  # six of every group
SMALL = {"image_size": 16, "gallery": 2, "queries": 3}


def labels(face):
    """Groups take turns: young male, young female, older male, older female."""
    return {"Bald": False, "Male": face % 2 == 0, "Smiling": face % 3 == 0, "Young": face % 4 < 2}


def write_attributes(folder, *, count=FACES, faces=range(FACES), columns=COLUMNS):
    rows = [f"{face}.jpg  " + " ".join("1" if labels(face).get(name) else "-1" for name in columns) for face in faces]
    path = folder / "CelebAMask-HQ-attribute-anno.txt"
    path.write_text("\n".join([str(count), " ".join(columns), *rows]) + "\n")
    return path


def write_landmarks(path, *, shift=(0.0, 0.0), faces=range(FACES)):
    """The template of the `arcface` crop, put into the middle of a picture of 80 x 80, with another shift a face."""
    points = images.TEMPLATES["arcface"].points[0] / 2 + 12 + np.asarray(shift)
    lines = [f"{face},0.9," + ",".join(f"{value:.3f}" for value in (points + face % 3).ravel()) for face in faces]
    path.write_text("\n".join([",".join(["name", "score", *celeba_files.LANDMARKS]), *lines]) + "\n")
    return path


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "CelebAMask-HQ"
    (folder / "CelebA-HQ-img").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for face in range(FACES):
        small = Image.fromarray(generator.integers(0, 256, (5, 5, 3), np.uint8))
        small.resize((80, 80), Image.Resampling.BICUBIC).save(folder / "CelebA-HQ-img" / f"{face}.jpg")
    write_attributes(folder)
    return folder


def both(builder):
    return celeba_hq.load(builder, "gallery"), celeba_hq.load(builder, "query")


def test_every_group_gives_its_gallery_and_its_queries_and_no_face_twice(folder, tmp_path):
    gallery, query = both(celeba_hq.build(folder, tmp_path / "data", **SMALL))
    assert gallery.group.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert query.group.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert len(set(gallery.names + query.names)) == 20
    for faces in (gallery, query):
        assert faces.male.tolist() == [labels(int(name))["Male"] for name in faces.names]
        assert faces.young.tolist() == [labels(int(name))["Young"] for name in faces.names]
        assert [celeba_hq.GROUPS[group] for group in faces.group] == [
            f"{'young' if young else 'older'} {'male' if male else 'female'}"
            for male, young in zip(faces.male, faces.young, strict=True)
        ]


def test_the_draw_depends_on_the_seed_alone(folder, tmp_path):
    names = [
        celeba_hq.load(celeba_hq.build(folder, tmp_path / data, seed=seed, **SMALL), "query").names
        for data, seed in (("one", 0), ("two", 0), ("two", 1))
    ]
    assert names[0] == names[1]
    assert names[0] != names[2]


def test_without_landmarks_the_fixed_crop_is_taken(folder, tmp_path):
    gallery, _ = both(celeba_hq.build(folder, tmp_path / "data", template="arcface", **SMALL))
    picture = images.read(folder / "CelebA-HQ-img" / f"{gallery.names[3]}.jpg")
    assert np.array_equal(gallery[3], images.fit(picture, crop="celeba_hq", template="arcface", size=16))


def test_with_landmarks_every_face_is_aligned_to_the_template(folder, tmp_path):
    landmarks = write_landmarks(tmp_path / "landmarks.csv")
    options = {"gallery": 2, "queries": 3, "image_size": 112, "template": "arcface"}
    gallery, _ = both(celeba_hq.build(folder, tmp_path / "data", landmarks=str(landmarks), **options))
    for position in (0, 5):
        name = gallery.names[position]
        with Image.open(folder / "CelebA-HQ-img" / f"{name}.jpg") as picture:
            # Landmarks are the template / 2 + 12 + shift: crop pixel u shows the picture at u / 2 + 12 + shift.
            # Pillow counts from pixel edges: (u + 0.5) / 2 + c = u / 2 + 12 + shift + 0.5, so c = 12.25 + shift.
            c = 12.25 + int(name) % 3
            expected = picture.transform(
                (112, 112), Image.Transform.AFFINE, (0.5, 0, c, 0, 0.5, c), Image.Resampling.BILINEAR
            )
        assert np.abs(gallery[position].astype(int) - np.asarray(expected)).max() <= 1


def test_a_large_face_is_averaged_down_before_it_is_aligned():
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    landmarks = np.array([[30.0, 40], [66, 40], [48, 55], [35, 70], [61, 70]])  # eyes 36 apart
    reduced, points = celeba_hq.shrink(picture, landmarks, size=32)  # 36 / (0.3 * 32) = 3.75: factor 3
    means = picture.reshape(32, 3, 32, 3, 3).mean(axis=(1, 3))
    assert np.abs(reduced - means).max() < 1  # Pillow's rounding
    # Center of the first 3 x 3 block, pixel (1, 1), becomes pixel (0, 0).
    assert points[0].tolist() == pytest.approx([(30 - 1) / 3, (40 - 1) / 3])
    assert celeba_hq.shrink(picture, landmarks, size=112)[0].shape == (96, 96, 3)


def test_corrections_are_applied_and_counted(folder, tmp_path):
    corrections = tmp_path / "corrections.csv"
    corrections.write_text("name,Male,Young\n0.jpg,-1,\n1,-1,-1\n2,1,1\n")
    # Face 0 was male: changed. 1 was young female: Young changed, Male confirmed. 2 was older male: Young changed.
    gallery, query = both(celeba_hq.build(folder, tmp_path / "data", corrections=str(corrections), **SMALL))
    assert gallery.metadata["corrected_values"] == 3
    drawn = dict(zip(gallery.names + query.names, np.concatenate([gallery.male, query.male]), strict=True))
    assert not drawn.get("0", False)


def test_too_few_faces_name_the_group_what_there_is_and_what_was_asked(folder, tmp_path):
    corrections = tmp_path / "corrections.csv"
    corrections.write_text("name,Young\n3,1\n7,1\n")  # two of the six older women
    with pytest.raises(ValueError, match=r"anno.txt: too few .*: older female has 4, asked for 2 gallery \+ 3 q.* = 5"):
        celeba_hq.build(folder, tmp_path / "data", corrections=str(corrections), **SMALL)


def test_an_unreadable_picture_is_listed_and_replaced_from_its_group(folder, tmp_path):
    complete = celeba_hq.load(celeba_hq.build(folder, tmp_path / "complete", **SMALL), "gallery")
    damaged = complete.names[2]  # the first young female
    (folder / "CelebA-HQ-img" / f"{damaged}.jpg").write_bytes(b"")
    gallery, query = both(celeba_hq.build(folder, tmp_path / "data", **SMALL))
    assert gallery.group.tolist() == complete.group.tolist()
    assert damaged not in gallery.names + query.names
    assert len(set(gallery.names + query.names)) == 20
    assert gallery.metadata["skipped"] == [f"{damaged}.jpg: an empty file (0 bytes)"]


def test_a_group_that_runs_out_of_readable_pictures_is_an_error(folder, tmp_path):
    for face in (1, 5):
        (folder / "CelebA-HQ-img" / f"{face}.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="too few readable faces in group young female"):
        celeba_hq.build(folder, tmp_path / "data", **SMALL)


def test_a_part_of_the_pictures_is_enough(folder, tmp_path):
    for face in range(4):
        (folder / "CelebA-HQ-img" / f"{face}.jpg").unlink()
    gallery, query = both(celeba_hq.build(folder, tmp_path / "data", **SMALL))
    assert not {"0", "1", "2", "3"} & set(gallery.names + query.names)
    assert gallery.metadata["not_usable"] == 4


def test_pictures_may_have_other_suffixes_and_hidden_ones_are_none(folder, tmp_path):
    place = folder / "CelebA-HQ-img"
    known = celeba_hq.load(celeba_hq.build(folder, tmp_path / "known", **SMALL), "query")
    for face in range(FACES):
        path = place / f"{face}.jpg"
        (place / f"._{face}.jpg").write_bytes(b"\0\5\x16\7")
        if face % 3 == 0:
            path.rename(path.with_suffix(".JPG"))
        elif face % 3 == 1:
            Image.open(path).save(path.with_suffix(".png"))
            path.unlink()
    (place / "thumbs.heic").write_bytes(b"")
    query = celeba_hq.load(celeba_hq.build(folder, tmp_path / "data", **SMALL), "query")
    assert query.names == known.names
    np.testing.assert_array_equal([query[i] for i in range(len(query))], [known[i] for i in range(len(known))])
    assert query.metadata["skipped"] == ["thumbs.heic: .heic, which is not read: save it as JPEG or PNG"]


def test_two_files_of_one_face_are_refused(folder, tmp_path):
    Image.new("RGB", (80, 80)).save(folder / "CelebA-HQ-img" / "7.png")
    with pytest.raises(ValueError, match="CelebA-HQ-img has several pictures called 7; names count without folder"):
        celeba_hq.build(folder, tmp_path / "data", **SMALL)


def test_a_face_without_landmarks_is_not_drawn(folder, tmp_path):
    landmarks = write_landmarks(tmp_path / "landmarks.csv", faces=range(4, FACES))
    gallery, query = both(celeba_hq.build(folder, tmp_path / "data", landmarks=str(landmarks), **SMALL))
    assert not {"0", "1", "2", "3"} & set(gallery.names + query.names)


def test_a_picture_without_attributes_is_named(folder, tmp_path):
    write_attributes(folder, count=23, faces=range(23))
    with pytest.raises(ValueError, match=r"CelebA-HQ-img/23.jpg .* no row in CelebAMask-HQ-attribute-anno.txt"):
        celeba_hq.build(folder, tmp_path / "data", **SMALL)


def test_landmarks_outside_of_the_picture_are_refused_with_their_line(folder, tmp_path):
    landmarks = write_landmarks(tmp_path / "landmarks.csv")
    outside = write_landmarks(tmp_path / "outside.csv", shift=(40, 0)).read_text().splitlines()
    few = landmarks.read_text().splitlines()[:-5] + outside[-5:]  # more than are left out by the draw
    landmarks.write_text("\n".join(few))
    with pytest.raises(
        ValueError, match=r"landmarks.csv, line \d+: landmarks of \d+ outside its picture, expected x in 0..79"
    ):
        celeba_hq.build(folder, tmp_path / "data", landmarks=str(landmarks), **SMALL)


@pytest.mark.parametrize(("factor", "times"), [(0.5, "0.5."), (178 / 1024, "0.1."), (3.0, r"3.0\d")])
def test_landmarks_of_a_copy_of_another_size_are_refused_with_the_factor(folder, tmp_path, factor, times):
    landmarks = write_landmarks(tmp_path / "landmarks.csv")
    header, *rows = (line.split(",") for line in landmarks.read_text().splitlines())
    scaled = [[*row[:2], *(f"{factor * float(cell):.3f}" for cell in row[2:])] for row in rows]
    landmarks.write_text("\n".join(",".join(row) for row in [header, *scaled]))
    with pytest.raises(ValueError, match=f"landmarks.csv: saw .* not of these CelebA-HQ .* {times} times as large"):
        celeba_hq.build(folder, tmp_path / "data", landmarks=str(landmarks), **SMALL)


def test_another_face_than_the_one_in_the_middle_is_refused_with_its_line(folder, tmp_path):
    landmarks = write_landmarks(tmp_path / "landmarks.csv")
    beside = write_landmarks(tmp_path / "beside.csv", shift=(-18, 0)).read_text().splitlines()
    landmarks.write_text("\n".join(landmarks.read_text().splitlines()[:-5] + beside[-5:]))
    with pytest.raises(
        ValueError, match=r"landmarks.csv, line \d+: landmarks of \d+: .* another face, .* leave it out"
    ):
        celeba_hq.build(folder, tmp_path / "data", landmarks=str(landmarks), **SMALL)


def test_landmarks_of_exchanged_sides_are_refused_with_their_line_and_face(folder, tmp_path):
    landmarks = write_landmarks(tmp_path / "landmarks.csv")
    header, *rows = landmarks.read_text().splitlines()
    header = ",".join(["name", "score", *(celeba_files.LANDMARKS[i] for i in (2, 3, 0, 1, 4, 5, 8, 9, 6, 7))])
    landmarks.write_text("\n".join([header, *rows]))
    message = r"landmarks.csv, line \d+: landmarks of \d+: .* left and right exchanged"
    with pytest.raises(ValueError, match=message):
        celeba_hq.build(folder, tmp_path / "data", landmarks=str(landmarks), **SMALL)


@pytest.mark.parametrize(("field", "value"), [("gallery", 0), ("queries", -3), ("image_size", 0)])
def test_sizes_below_one_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{field} is {value}, expected at least 1"):
        celeba_hq.Config(**{field: value})


def test_a_folder_that_is_not_celebamask_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="attribute-anno.txt is missing: expected the folder of CelebAMask-HQ"):
        celeba_hq.build(tmp_path, tmp_path / "data")


def test_changed_attributes_are_noticed(folder, tmp_path):
    celeba_hq.build(folder, tmp_path / "data", **SMALL)
    write_attributes(folder, columns=[*COLUMNS, "Bangs"])
    with pytest.raises(ValueError, match="built from other files .* attributes_sha256 differ"):
        celeba_hq.build(folder, tmp_path / "data", **SMALL)


def test_the_realistic_faces_build_and_align(facepack, tmp_path):
    options = {"gallery": 8, "queries": 9, "template": "arcface"}  # female older has 17 faces
    builder = celeba_hq.build(facepack / "celeba_hq", tmp_path, landmarks=str(facepack / "landmarks.csv"), **options)
    gallery, query = both(builder)
    aligned = np.load(facepack / "aligned112.npz")
    reference = dict(zip(aligned["names"], aligned["images"], strict=True))
    difference = [
        np.abs(faces[i].astype(int) - reference[faces.names[i]]).mean() for faces in (gallery, query) for i in range(8)
    ]
    assert max(difference) < 3  # JPEG of the layout against the lossless original
    with open(facepack / "attributes.csv") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert [rows[name]["gender_final"] == "male" for name in query.names] == query.male.tolist()
    assert [rows[name]["age_group_final"] == "young" for name in query.names] == query.young.tolist()
    with pytest.raises(ValueError, match=r"older female has 17, asked for 8 gallery \+ 10 queries"):
        celeba_hq.build(facepack / "celeba_hq", tmp_path, gallery=8, queries=10)
