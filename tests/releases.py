"""Small releases of triplets in the layout that users have."""

import numpy as np
from PIL import Image

from perface_jax import annotations

SOURCES, TARGETS = 6, 4
GRID = {"grid": (SOURCES, TARGETS)}


def field(generator, size):
    """A smooth random picture."""
    return Image.fromarray(generator.integers(0, 256, (4, 4, 3), np.uint8)).resize(
        (size, size), Image.Resampling.BICUBIC
    )


def write_release(
    folder, *, sources=SOURCES, targets=TARGETS, kind="group_major", block=2, size=24, votes=None, seed=0
):
    """A release whose pictures have the border of the target and the inside of source and role."""
    generator = np.random.default_rng(seed)
    backgrounds = [field(generator, size) for _ in range(targets)]
    inner = [[field(generator, size // 2) for _ in "abc"] for _ in range(sources)]
    source_id, target_id = annotations.cells(kind, sources, targets, block=block)
    (folder / "triplet").mkdir(parents=True)
    for row, (source, target) in enumerate(zip(source_id, target_id, strict=True)):
        for role, face in zip("abc", inner[source], strict=True):
            picture = backgrounds[target].copy()
            picture.paste(face, (size // 4, size // 4))
            picture.save(folder / "triplet" / f"t{row:04d}_{role}.jpg", quality=95)
    votes = generator.integers(0, 2, (sources * targets, 3)) if votes is None else votes
    write_answers(folder, votes)
    return folder


def write_answers(folder, votes, names=None):
    """The answers; -1 is a missing vote. `names` are other ids than t0000, t0001, ..., or a part of these."""
    names = [f"t{row:04d}" for row in range(len(votes))] if names is None else names
    letters = [",".join(("a", "b", "")[vote] for vote in row_votes) for row_votes in votes]
    lines = [f"{name},{row}" for name, row in zip(names, letters, strict=True)]
    (folder / "triplet_answers.csv").write_text("tripletId,ans1,ans2,ans3\n" + "\n".join(lines) + "\n")


def write_table(path, header, *columns):
    """A CSV file with a line for each triplet."""
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path
