"""Which column of a CSV file holds which coordinate of a face, whatever program wrote it.

Five points are found by the names of their columns, in any order: `left_eye_x`, `lefteye_x` (CelebA), `eye_left_x`,
`leftEyeX`, `mouth_left_x`, `left_mouth_corner_x`, `nose_tip_y`. Numbered points are x0,y0,x1,y1,... or x1,y1,..., in
any order of the columns, too; five of them are in the order of `images`. Left is left in the picture: landmarks whose
left is the person's are refused where faces are cropped. Names that are not understood are never guessed.
"""

import re
from collections.abc import Sequence

LANDMARKS = tuple(
    f"{point}_{axis}" for point in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right") for axis in "xy"
)
NAMES = ("name", "image_id", "image", "filename", "file_name", "file")
_SIDES = ("left", "right")
_PARTS = {"eye": "eye", "nose": "nose", "mouth": "mouth", "lip": "mouth"}
_EXTRA = {"corner", "tip", "pupil"}
_WORD = re.compile("left|right|eye|nose|mouth|lip|corner|tip|pupil|[a-z]+|[0-9]+")


def name_column(header: Sequence[str]) -> str | None:
    """The heading of the pictures' names; None unless there is exactly one."""
    names = [column for column in header if column.casefold() in NAMES]
    return names[0] if len(names) == 1 else None


def five_columns(header: Sequence[str]) -> list[str] | None:
    """The headings of LANDMARKS, in that order; None unless each is there exactly once."""
    meant = [(place, column) for column in header if (place := _meaning(column))]
    if sorted(place for place, _ in meant) == sorted(LANDMARKS):
        return [column for _, column in sorted(meant, key=lambda one: LANDMARKS.index(one[0]))]
    numbered = numbered_columns(header)
    return numbered if numbered and len(numbered) == len(LANDMARKS) and not meant else None


def numbered_columns(header: Sequence[str]) -> list[str] | None:
    """The headings of numbered points, x and y of the first one, of the second, ...; None if one is missing."""
    matches = {column: re.fullmatch(r"([xy])_?(\d{1,4})", column.strip().casefold()) for column in header}
    places = {(int(match[2]), match[1]): column for column, match in matches.items() if match}
    first, count = min(places, default=(0, ""))[0], len(places) // 2
    wanted = [(first + i, axis) for i in range(count) for axis in "xy"]
    found = sum(match is not None for match in matches.values())
    if not count or first > 1 or found != len(places) or sorted(places) != wanted:
        return None
    return [places[place] for place in wanted]


def _meaning(column: str) -> str | None:
    """The coordinate of LANDMARKS that a heading names."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.strip()).casefold()
    words = _WORD.findall(re.sub("cent(er|re)", "_", spaced))
    if len(words) < 2 or words[-1] not in ("x", "y"):
        return None
    sides = [word for word in words if word in _SIDES]
    parts = [_PARTS[word] for word in words if word in _PARTS]
    if len(parts) != 1 or set(words[:-1]) - {*_SIDES, *_PARTS, *_EXTRA}:
        return None
    if len(sides) != (parts[0] != "nose"):
        return None
    point = {"eye": f"{''.join(sides)}_eye", "mouth": f"mouth_{''.join(sides)}", "nose": "nose"}[parts[0]]
    return f"{point}_{words[-1]}"
