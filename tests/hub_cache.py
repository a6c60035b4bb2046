"""Model folders in the layout of the Hugging Face Hub's own cache: blobs by their digest, and a snapshot of links."""

import hashlib
import os
import pathlib

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def fill(cache: pathlib.Path, repo: str, folder: pathlib.Path, *, revision: str = "main") -> pathlib.Path:
    """Puts a folder into a cache, as if its `revision` had been downloaded; returns the snapshot."""
    home = cache / f"models--{repo.replace('/', '--')}"
    snapshot = home / "snapshots" / COMMIT
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        blob, link = home / "blobs" / hashlib.sha256(data).hexdigest(), snapshot / file.relative_to(folder)
        for parent in (blob.parent, link.parent):
            parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        link.symlink_to(os.path.relpath(blob, link.parent))
    (home / "refs").mkdir()
    (home / "refs" / revision).write_text(COMMIT)
    return snapshot
