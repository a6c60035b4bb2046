"""Where compiled programs of the suite are kept, and how many of them."""

import os
import pathlib

from tests import kept_programs


def test_programs_are_kept_in_the_cache_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kept_programs.folder() == tmp_path / "perface_jax" / "test-programs"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert kept_programs.folder() == pathlib.Path.home() / ".cache" / "perface_jax" / "test-programs"


def test_the_oldest_programs_go_when_there_are_too_many(tmp_path):
    for age, name in enumerate("cab"):  # c is the oldest
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    kept_programs.bound(tmp_path, limit=300)
    assert len(list(tmp_path.iterdir())) == 3
    kept_programs.bound(tmp_path, limit=299)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    kept_programs.bound(tmp_path / "nothing yet")
