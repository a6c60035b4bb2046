"""Folders whose names are patterns, or not UTF-8, are reached by a link."""

import os

import pytest

from perface_jax import plain_paths


@pytest.mark.parametrize("name", ["runs [1]", "a\\b", "what?", os.fsdecode(b"caf\xe9")])
def test_a_link_stands_for_an_odd_name(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    assert not plain_paths.is_plain(folder)
    with plain_paths.plain(folder) as path:
        assert plain_paths.is_plain(path)
        (path / "file").write_text("text")
    assert (folder / "file").read_text() == "text"
    assert not path.exists()


@pytest.mark.parametrize("name", ["margin=0.1,seed=2", "a b%20#~$;:'\n", "caf\u00e9"])
def test_other_names_are_taken_as_they_are(tmp_path, name):
    with plain_paths.plain(tmp_path / name) as path:
        assert os.fspath(path) == os.fspath(tmp_path / name)
