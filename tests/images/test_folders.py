"""What a folder holds: every file that looks like a picture is in one of the two lists, and nothing else is."""

import os

import pytest
from PIL import Image

from perface_jax import images
from perface_jax.network import hub


def make(top, *names, content=b"\xff\xd8\xff\xe0"):
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)


def test_pictures_of_subfolders_come_in_the_order_of_names_whatever_the_suffix(tmp_path):
    names = ["a.jpg", "b.JPEG", "c.jfif", "d/e.jpe", "d/f.g.Tif", "h.pjpeg", "i.mpo", "j.avif", "k.apng", "l.jpg.jpg"]
    make(tmp_path, *names, "notes.txt", "faces.csv", "Thumbs.db", "film.mp4", "d/jpg", "d/.jpg")
    (tmp_path / "d" / "jpg").write_text("no picture")
    assert images.list_pictures(tmp_path) == (names, [])
    assert images.picture_names(str(tmp_path)) == names


def test_other_formats_are_listed_with_what_to_do_unless_their_suffix_lies(tmp_path):
    make(tmp_path, "a.heic", "b.jp2", "c.NEF")
    make(tmp_path, "d.dng", "e.cr2", content=b"II*\0")
    make(tmp_path, "f.heif", content=b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic")
    make(tmp_path, "g.svg", "h.psd", content=b"")
    names, skipped = images.list_pictures(tmp_path)
    assert names == ["a.heic", "b.jp2", "c.NEF"]
    assert dict(skipped) == {
        "d.dng": "raw photograph, which is not read: save it as JPEG or PNG",
        "e.cr2": "raw photograph, which is not read: save it as JPEG or PNG",
        "f.heif": "HEIC, which is not read: save it as JPEG or PNG",
        "g.svg": ".svg, which is not read: save it as JPEG or PNG",
        "h.psd": ".psd, which is not read: save it as JPEG or PNG",
    }


def test_names_without_a_suffix_are_looked_into_and_other_names_are_listed(tmp_path):
    make(tmp_path, "9f86d0", "a.jpg_large", "b.jpg.1", "c.png ", "d.jpg~", "subject.happy")
    make(tmp_path, "README", "a.jpg.txt", content=b"plain text")
    make(tmp_path, "scan", content=b"8BPS\0\1")
    names, skipped = images.list_pictures(tmp_path)
    assert names == ["9f86d0"]
    assert [name for name, why in skipped if "rename it" in why] == [
        "a.jpg_large", "b.jpg.1", "c.png ", "d.jpg~", "subject.happy",
    ]  # fmt: skip
    assert dict(skipped)["scan"].startswith("Photoshop, which is not read")
    assert len(skipped) == 6


def test_hidden_names_and_what_systems_keep_are_passed_over(tmp_path):
    make(tmp_path, "a.jpg", ".b.jpg", "._a.jpg", ".ipynb_checkpoints/a.jpg", "c/.thumbnails/normal/d.jpg")
    make(tmp_path, *(f"{place}/e.jpg" for place in images.PASSED_OVER))
    assert images.list_pictures(tmp_path) == (["a.jpg"], [])
    make(tmp_path, ".own/f.jpg")
    assert images.picture_names(tmp_path / ".own") == ["f.jpg"]  # asked for by name


def test_links_to_folders_are_followed_and_no_folder_is_read_twice(tmp_path):
    make(tmp_path, "disk/anna/1.jpg", "disk/anna/old/2.jpg", "set/own.jpg", "set/z/3.jpg")
    top = tmp_path / "set"
    (top / "anna").symlink_to(tmp_path / "disk" / "anna")
    (top / "bert").symlink_to(tmp_path / "disk" / "anna" / "old")
    (top / "a").symlink_to(top / "z")  # the folder itself comes first
    (top / "z" / "loop").symlink_to(top)
    (tmp_path / "disk" / "anna" / "back").symlink_to(tmp_path / "disk")
    (top / "own2.jpg").symlink_to(top / "own.jpg")
    names, skipped = images.list_pictures(top)
    assert names == ["anna/1.jpg", "anna/old/2.jpg", "own.jpg", "own2.jpg", "z/3.jpg"]
    assert skipped == [
        ("a/", "a folder that is read already (as z)"),
        ("anna/back/anna/", "a folder that is read already (as anna)"),
        ("bert/", "a folder that is read already (as anna/old)"),
        ("z/loop/", f"a folder that is read already (as {top})"),
    ]


def test_links_to_nothing_and_what_is_no_file_are_listed(tmp_path):
    make(tmp_path, "a.jpg")
    (tmp_path / "anna").symlink_to(tmp_path / "unmounted")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "nothing.jpg")
    (tmp_path / "c.jpg").symlink_to("c.jpg")
    os.mkfifo(tmp_path / "d.jpg")
    os.mkfifo(tmp_path / "pipe")
    names, skipped = images.list_pictures(tmp_path)
    assert names == ["a.jpg"]
    assert skipped[:2] == [("anna", "a link to nothing"), ("b.jpg", "a link to nothing")]
    assert [name for name, _ in skipped[2:]] == ["c.jpg", "d.jpg"]
    assert skipped[3][1] == "no regular file"


def test_a_folder_that_may_not_be_read_is_listed_and_the_given_one_refused(tmp_path, monkeypatch):
    make(tmp_path, "anna/1.jpg", "bert/2.jpg", "bert/3.heic")
    scandir = os.scandir

    def refused(path):
        if str(path).rstrip("/").endswith(("bert", "top")):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert images.list_pictures(tmp_path) == (["anna/1.jpg"], [("bert/", "Permission denied")])
    make(tmp_path, "top/1.jpg")
    with pytest.raises(PermissionError, match="Permission denied"):
        images.list_pictures(tmp_path / "top")


def test_a_name_that_is_not_utf_8_is_a_name(tmp_path):
    try:
        make(tmp_path, os.fsdecode(b"a\xff.jpg"))
    except OSError:
        pytest.skip("this file system has only names in UTF-8")
    (name,) = images.picture_names(tmp_path)
    assert os.fsencode(name) == b"a\xff.jpg"
    assert images.stem(name) == os.fsdecode(b"a\xff")


def test_what_is_no_folder_of_pictures_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        images.list_pictures(tmp_path / "nowhere")
    make(tmp_path, "a.jpg")
    with pytest.raises(NotADirectoryError, match="a.jpg is a file, wanted a folder of pictures"):
        images.list_pictures(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").unlink()
    (tmp_path / "notes.doc").write_text("no picture")
    with pytest.raises(ValueError, match="no picture in .*; it holds 1 other files, such as notes.doc; wanted"):
        images.list_pictures(tmp_path)


def test_a_bucket_is_listed_by_names_alone(monkeypatch):
    class Bucket(type(images.folders.epath.Path("/"))):
        def exists(self):
            return True

        is_dir = exists

        def walk(self):
            inner = ["deep", ".hidden"]
            yield self, inner, ["b.jpg", "a.heic", ".c.jpg", "README"]
            assert inner == ["deep"]
            yield self / "deep", [], ["d.png"]

        def __str__(self):
            text = super().__str__()
            return f"gs:/{text}" if text[0] == "/" else text

    monkeypatch.setattr(images.folders.epath, "Path", Bucket)
    names, skipped = images.list_pictures("/bucket")
    assert names == ["b.jpg", "deep/d.png"]
    assert [name for name, _ in skipped] == ["a.heic"]


def test_a_home_is_found_by_its_sign_as_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "faces").mkdir()
    Image.new("RGB", (4, 3)).save(tmp_path / "faces" / "a.png")
    assert images.picture_names("~/faces") == ["a.png"]
    assert images.read("~/faces/a.png").shape == (3, 4, 3)
    assert hub.local_folder("~/models") == tmp_path / "models"
