"""A full disk is said with the path, in whichever form it is met."""

import errno

import pytest

from perface_jax import disk_space, files


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        ValueError("UNAVAILABLE: Error writing: write failed [OS error 28: No space left on device]"),
    ],
)
def test_the_path_is_named(tmp_path, error):
    with pytest.raises(disk_space.DiskFull) as raised, disk_space.explained(tmp_path / "new" / "b.npz", "Free some"):
        with disk_space.explained(tmp_path / "new" / ".unfinished", "Inner"):
            raise error
    assert str(raised.value).startswith(f"{tmp_path / 'new' / 'b.npz'} cannot be written: its disk is full (")
    assert str(raised.value).endswith(" MiB left). Free some")


def test_a_cause_counts_and_other_errors_pass():
    error = RuntimeError("encoder error -2")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(disk_space.DiskFull), disk_space.explained("a"):
        raise error
    with pytest.raises(PermissionError), disk_space.explained("a"):
        raise PermissionError(13, "Permission denied")


def test_half_a_file_is_removed(tmp_path):
    def write():
        with files.replacing(tmp_path / "a.npz") as path:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    files.write_bytes(tmp_path / "a.npz", b"old")
    with pytest.raises(disk_space.DiskFull, match=r"a\.npz cannot be written"):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    assert (tmp_path / "a.npz").read_bytes() == b"old"
