"""The votes of a study as files: the long form with everything known, and a folder like the SimCelebA release.

    votes.csv                    triplet,annotator,choice,is_dummy,expected and what `annotations.vote_details` lists
    release/triplet/             NAME_c.jpg (the reference), NAME_a.jpg, NAME_b.jpg
    release/triplet_answers.csv  tripletId,ans1,ans2,...: the votes in the order in which they were given
    release/ids.csv              tripletId,source,target, if targets have names
    release/collected.json       what was collected, when and from which plans; the report of a training names it

Practice is left out of all of them; the release has neither dummies nor repeats. A column of the release is not a
person.
"""

import collections
import functools
import os
import pathlib
import shutil
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from perface_jax import disk_space, files
from perface_jax.annotations import tables, vote_details
from perface_jax.collection import study as studies
from perface_jax.collection.study import Study, Triplet
from perface_jax.collection.trials import Kind, Share, Vote, utc_now
from perface_jax.datasets import release as releases

VOTES, RELEASE, IDS = "votes.csv", "release", "ids.csv"
COLUMNS = ("triplet", "annotator", "choice", "is_dummy", "expected", *vote_details.COLUMNS)


def export_votes(
    study: Study,
    votes: Iterable[Vote],
    folder: str | os.PathLike,
    *,
    drop: Collection[str] = (),
    share: Share | None = None,
    long_release: bool = False,
) -> list[Vote]:
    """Write the votes into a new folder, which has its name when it is complete; returns those that were written.

    Args:
      drop: annotators whose votes are left out.
      share: only votes of this share; None = of both.
      long_release: the answers of the release are the long form, too, so that they say who voted.

    Raises:
      ValueError: the folder is there already, nobody of that name voted, or there is no vote to write.
    """
    folder, votes = pathlib.Path(folder), [vote for vote in votes if vote.kind is not Kind.PRACTICE]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already, and was not changed: name another folder")
    if unknown := sorted(set(drop) - {vote.annotator for vote in votes}):
        raise ValueError(f"nobody called {tables.listed(unknown)} voted")
    votes = [vote for vote in votes if vote.annotator not in drop and share in (None, vote.share)]
    if not any(vote.kind is Kind.VOTE for vote in votes):
        raise ValueError(f"{study.folder} has no votes to write")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.parent / f".{folder.name}.unfinished-{os.getpid()}"
    try:
        with disk_space.explained(folder):
            _write(part, study, votes, sorted(drop), long_release)
            if folder.exists():
                folder.rmdir()
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return votes


def _write(folder: pathlib.Path, study: Study, votes: Sequence[Vote], drop: Sequence[str], long_release: bool) -> None:
    files.write_csv(folder / VOTES, [COLUMNS, *map(_row, votes)])
    release = folder / RELEASE
    answers = [vote for vote in votes if vote.kind is Kind.VOTE]
    voted = {vote.triplet for vote in answers}
    triplets = [one for one in study.of_kind(Kind.VOTE) if one.name in voted]
    copied = _copy_pictures(release / releases.PICTURES, study, triplets)
    if all(one.target for one in triplets):
        ids = ((one.name, one.source, one.target) for one in triplets)
        files.write_csv(release / IDS, [("tripletId", "source", "target"), *ids])
    if long_release:
        shutil.copyfile(folder / VOTES, release / releases.ANSWERS)
    else:
        files.write_csv(release / releases.ANSWERS, _wide(triplets, answers))
    record = _record(study, votes, triplets, drop) | {"original_pictures": copied}
    files.write_text(release / releases.COLLECTED, files.to_json(record))


def _record(study: Study, votes: Sequence[Vote], triplets: Sequence[Triplet], drop: Sequence[str]) -> dict[str, Any]:
    counts = {kind: sum(vote.kind is kind for vote in votes) for kind in (Kind.VOTE, Kind.REPEAT, Kind.DUMMY)}
    people, days = sorted({vote.annotator for vote in votes}), sorted({vote.time[:10] for vote in votes})
    left_out = f"; left out: {', '.join(drop)}" if drop else ""
    words = (
        f"{counts[Kind.VOTE]:,} votes on {len(triplets):,} triplets by {len(people)} annotators of the study "
        f"{study.folder.name}, {' to '.join(dict.fromkeys((days[0], days[-1])))}{left_out}"
    )
    return {
        "words": words, "study": study.folder, "exported": utc_now(), "triplets": len(triplets), "counts": counts,
        "annotators": people, "left_out": list(drop), "plans": sorted({vote.plan for vote in votes}),
    }  # fmt: skip


def _row(vote: Vote) -> tuple:
    dummy = vote.kind is Kind.DUMMY
    start = (vote.triplet, vote.annotator, vote.choice, int(dummy), vote.expected or "")
    repeat_of = "" if vote.repeat_of is None else vote.repeat_of
    return (*start, vote.kind, vote.share, vote.side, vote.milliseconds, vote.trial, repeat_of, vote.time, vote.plan)


def _wide(triplets: Sequence[Triplet], votes: Iterable[Vote]) -> list[tuple[str, ...]]:
    """One line per triplet, its votes by time, and empty cells up to the largest number of votes."""
    given = collections.defaultdict(list)
    for vote in sorted(votes, key=lambda vote: vote.time):
        given[vote.triplet].append(vote.choice)
    most = max(map(len, given.values()))
    rows = ((one.name, *given[one.name], *[""] * (most - len(given[one.name]))) for one in triplets)
    return [("tripletId", *(f"ans{k + 1}" for k in range(most))), *rows]


def _copy_pictures(folder: pathlib.Path, study: Study, triplets: Iterable[Triplet]) -> int:
    """Copy the pictures of triplets: the original JPEG where it is unchanged, else that of the study.

    Returns how many are originals.
    """
    folder.mkdir(parents=True)
    rows = tables.read_rows(study.folder / studies.ORIGINALS, studies.ORIGINAL_COLUMNS, one="picture")
    original = {cells["picture"]: (pathlib.Path(cells["file"]), cells["sha256"]) for _, cells in rows}
    unchanged = functools.cache(lambda picture: _is_unchanged(*original[picture]))
    count = 0
    for one in triplets:
        for role, picture in zip(releases.ROLES, (one.a, one.b, one.reference), strict=True):
            whole = picture in original and unchanged(picture)
            shutil.copyfile(
                original[picture][0] if whole else study.picture_path(picture), folder / f"{one.name}_{role}.jpg"
            )
            count += whole
    return count


def _is_unchanged(path: pathlib.Path, sha256: str) -> bool:
    return path.suffix.lower() in (".jpg", ".jpeg") and path.is_file() and files.sha256(path) == sha256
