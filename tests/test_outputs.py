"""Outputs are tried before anything is computed: what cannot be written is said in one line, and nothing is left."""

import os
import pathlib

import pytest

from perface_jax import outputs


@pytest.fixture
def place(tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def listed(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder", "folder is a folder, wanted a file to write"),
        ("pipe", "pipe is a device or a pipe, wanted a file to write"),
        ("file/a.html", "file/a.html cannot be written: .*file is a file, wanted a folder"),
        ("file/new/a.html", "file/new cannot be written: .*file is a file, wanted a folder"),
        ("folder/" + 255 * "a", "a cannot be written: file name too long"),
        ("new/" + 256 * "a" + "/a.html", "a.html cannot be written: file name too long"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused(place, name, message):
    before = listed(place)
    with pytest.raises(OSError, match=message) as raised:
        outputs.require_files(None, "", place / name)
    assert "\n" not in str(raised.value)
    assert listed(place) == before


def test_what_can_be_written_leaves_nothing_behind(place):
    before = listed(place)
    (place / "folder" / ".a.html").write_text("of a process that is still writing")
    outputs.require_files(place / "file", place / "new" / "deep" / "a.html", place / "folder" / "a.html")
    outputs.require_folder(place / "new" / "deep")
    outputs.require_folder(place / "folder")
    outputs.require_folder(None)
    assert (place / "folder" / ".a.html").read_text().startswith("of a process")
    assert listed(place) == sorted([*before, "folder/.a.html"])
    with pytest.raises(NotADirectoryError, match="file is a file, wanted a folder to write to"):
        outputs.require_folder(place / "file")


def test_a_folder_without_permission_and_a_full_disk_are_said(place, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied", "x")

    monkeypatch.setattr(outputs, "_write", refuse)
    with pytest.raises(PermissionError, match=r"a.html cannot be written: permission denied$"):
        outputs.require_files(place / "a.html")

    def fill(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs, "_write", fill)
    with pytest.raises(OSError, match=r"report cannot be written: its disk is full \(.* MiB left\). Free some space"):
        outputs.require_folder(pathlib.Path(place / "report"))
