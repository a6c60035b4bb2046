"""A study for tests: one picture file for each id, drawn triplets of a grid, dummies and practice."""

import hashlib
import pathlib

from perface_jax import collection
from perface_jax.collection import study as studies

PICTURE = b"\xff\xd8\xff\xd9"  # the shortest JPEG; nobody decodes it


def write_study(folder: pathlib.Path, *, sources: int = 13, targets: int = 4, **plan) -> collection.Study:
    """Write a study and open it; `plan` replaces values of the plan, with 4 annotators if it does not say."""
    plan = {"annotators": 4, "votes": 3, "dummies": 4, "practice": 2} | plan
    (folder / studies.PICTURES).mkdir(parents=True)
    (folder / studies.PLAN).write_text("".join(f"{name}: {value}\n" for name, value in plan.items()))
    (folder / studies.SECRET).write_text("a secret for tests\n")
    rows = [f"t{k:04d},vote,{{}},{k // targets},{k % targets}," for k in range(sources * targets)]
    pool = (("dummy", "d", 2 * plan["dummies"]), ("practice", "p", plan["practice"]))
    for kind, letter, count in pool:
        rows += [f"{letter}{k:04d},{kind},{{}},{k % sources},{k % targets},{'ab'[k % 2]}" for k in range(count)]
    lines = [",".join(studies.COLUMNS), *(row.format(_pictures(folder, row)) for row in rows)]
    (folder / studies.TRIPLETS).write_text("\n".join(lines) + "\n")
    return collection.open_study(folder)


def _pictures(folder: pathlib.Path, row: str) -> str:
    ids = [hashlib.sha256(f"{row}{role}".encode()).hexdigest()[:32] for role in "cab"]
    for picture in ids:
        (folder / studies.PICTURES / f"{picture}{studies.SUFFIX}").write_bytes(PICTURE)
    return ",".join(ids)
