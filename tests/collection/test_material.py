"""Triplets of picture files: of a release, and of a folder with a list."""

import pytest

from perface_jax.collection import material


@pytest.fixture
def release(tmp_path):
    (tmp_path / "triplet").mkdir()
    for name in ("t0000", "t0001"):
        for role in "abc":
            (tmp_path / "triplet" / f"{name}_{role}.jpg").write_bytes(b"")
    return tmp_path


def test_a_release_needs_no_answers_and_takes_sources_from_a_file(release):
    first, second = material.of_release(release)
    assert (first.triplet, first.source, first.reference.name, first.b.name) == (
        "t0000",
        "t0000",
        "t0000_c.jpg",
        "t0000_b.jpg",
    )
    (release / "ids.csv").write_text("tripletId,source,target\nt0001,7,3\n")
    (only,) = material.of_release(release, ids=release / "ids.csv")
    assert (only.triplet, only.source, only.target) == ("t0001", "7", "3")


def test_a_release_that_lacks_a_picture_is_refused(release):
    (release / "triplet" / "t0001_a.jpg").unlink()
    with pytest.raises(ValueError, match="lacks 1 pictures: t0001_a.jpg"):
        material.of_release(release)
    with pytest.raises(FileNotFoundError, match="wanted a release"):
        material.of_release(release / "nowhere")


def _list(folder, text):
    for name in ("r.png", "x.png", "y.png"):
        (folder / name).write_bytes(b"")
    (folder / "triplets.csv").write_text(text)
    return folder


def test_a_folder_names_its_triplets_in_a_list(tmp_path):
    one, other = material.of_folder(
        _list(tmp_path, "source,b,a,reference\nanna,y.png,x.png,r.png\nbea,r.png,x.png,y.png")
    )
    assert (one.triplet, one.a.name, one.b.name, one.source, one.target) == ("t0000", "x.png", "y.png", "anna", "")
    assert other.triplet == "t0001"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("reference,a\nr.png,x.png", "b in it"),
        ("reference,a,b\nr.png,x.png,x.png", "three different pictures"),
        ("reference,a,b\nr.png,x.png,../y.png", "in this folder"),
        ("reference,a,b\nr.png,x.png,z.png", "no picture z.png"),
        ("triplet,reference,a,b\none,r.png,x.png,y.png\none,x.png,r.png,y.png", "line 3.*one again"),
        ("triplet,reference,a,b\n../one,r.png,x.png,y.png", "line 2.*the beginning of the names"),
    ],
)
def test_a_wrong_list_is_refused_with_its_line(tmp_path, rows, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        material.of_folder(_list(tmp_path, rows))
