"""Whether five points can be a face in the layout of this library; if not, which other layout they look like.

Points are refused where their misfit (`face_fit`) is above IMPOSSIBLE; where it is above UNUSUAL and another order fits
far better; where they are an upright face once x1..x5, y1..y5 is not read as pairs, which chance does not make; where
they fit another set of points; and where they lie on one line. docs/crops.md has what these rules refuse of right faces
and what they miss of wrong ones, as measured.

Not seen here: mistakes that leave a face a face, such as another scale or place (`landmark_frame`), and some wrong
orders of a profile, which look like another profile.
"""

import itertools

import numpy as np
from jaxtyping import Bool, Float

from perface_jax.images import face_fit

POINTS = ("left eye", "right eye", "nose tip", "left mouth corner", "right mouth corner")
WANTED = f"wanted (x, y) of {', '.join(POINTS)}, where left is left in the picture"
IMPOSSIBLE = 0.38  # no face of any proportions has this misfit
UNUSUAL, BETTER = 0.22, 0.35  # above UNUSUAL, another order is believed if it has less than this share of the misfit
STRANGE, CLOSE = 0.33, 0.09  # misfit to the generic face, and to another set of points
FLAT = 0.02  # extent across, as a share of that along a line; of right faces at least 0.087
CROSSED = -0.3  # width of eyes and mouth, both, as a share of the height between them
GOOD = 0.15  # misfit of a face once its ten numbers are read otherwise
ROUNDING = 0.5  # pixels, about what five points lose when they are stored as whole numbers
CHUNK = 2048  # faces at once

ORDERS = {  # points of a face that are given in this order
    (1, 0, 2, 4, 3): "left and right exchanged",
    (1, 0, 2, 3, 4): "left and right eye exchanged",
    (0, 1, 2, 4, 3): "left and right mouth corner exchanged",
    (3, 4, 2, 0, 1): "the mouth before the eyes",
    (0, 1, 3, 4, 2): "the nose last",
    (1, 0, 4, 3, 2): "the nose last, and left and right exchanged",
    (3, 4, 0, 1, 2): "the nose last, and the mouth before the eyes",
    (2, 0, 1, 3, 4): "the nose first",
    (2, 1, 0, 4, 3): "the nose first, and left and right exchanged",
    (2, 3, 4, 0, 1): "the nose first, and the mouth before the eyes",
}
PAIRED = "x1 to x5 and then y1 to y5, as MTCNN gives, read as pairs; take reshape(2, 5).T of the ten numbers"
UNPAIRED = "pairs (x, y) read as x1 to x5 and then y1 to y5; take reshape(5, 2) of the ten numbers"
SETS = {  # points of other sets: what they look like, and what to do
    "the corners of the eyes and the base of the nose, as in dlib's model of 5 points; take its model of 68 points and"
    " perface_jax.landmarks.five_points": face_fit.eye_corner_poses,
    "points along the jaw, as the first five of 68, 98 or 106; take the centers of the eyes, the tip of the nose and"
    " the corners of the mouth (perface_jax.landmarks.five_points, of 68)": face_fit.jaw_poses,
}


def are_refused(points: Float[np.ndarray, "n 5 2"]) -> Bool[np.ndarray, " n"]:
    """Which faces have five points that cannot be a face in this layout.

    Points are finite and in pixels, but any scale gives nearly the same answer.
    """
    points = np.asarray(points, np.float64)
    parts = np.array_split(points, max(1, -(-len(points) // CHUNK)))
    return np.concatenate([_odd(part) for part in parts]) | _lost(points).any(-1)


def _lost(points) -> Bool[np.ndarray, "*n 5"]:
    """Points that stand for one that was not found."""
    return (points == 0).all(-1) | (points == -1).all(-1)


def _odd(points) -> Bool[np.ndarray, " n"]:
    """Which faces are refused."""
    rounded = ROUNDING / np.maximum(face_fit.extent(points), 1e-9)
    own = np.maximum(0, face_fit.misfit(points, face_fit.generic_poses())[0] - rounded)
    refused = _paired(points, own) | _crossed(points) | _on_a_line(points)
    unsure = np.flatnonzero((own > UNUSUAL) & ~refused)
    if unsure.size:
        refused[unsure] = _mistaken(points[unsure], own[unsure], rounded[unsure])
    return refused


def _paired(points, own):
    """Which faces are x1 .. x5, y1 .. y5 read as pairs: upright faces otherwise, and as given none or on the diagonal.

    Where x and y differ by more than the face is large, the pairs look like a profile that is turned by 45 degrees.
    """
    mended, turn = face_fit.misfit(_unpaired(points), face_fit.generic_poses())
    down = points[:, 3:].sum(1) - points[:, :2].sum(1)
    diagonal = abs(down[:, 0] - down[:, 1]) < 0.45 * abs(down.sum(1))  # within 24 degrees
    return (mended < GOOD) & (abs(turn) < np.pi / 4) & (diagonal | (own > UNUSUAL))


def _on_a_line(points):
    """Which faces have all points on one line: no face does from any side, for the tip of the nose stands out."""
    across, along = np.linalg.svd(points - points.mean(1, keepdims=True), compute_uv=False).T[::-1]
    return across < FLAT * along


def _crossed(points):
    """Which faces have left and right exchanged, along the face's own axis: in profile the eyes nearly coincide."""
    down = points[:, 3:].mean(1) - points[:, :2].mean(1)
    across = np.stack([points[:, 1] - points[:, 0], points[:, 4] - points[:, 3]])
    turned = across[..., 0] * down[:, 1] - across[..., 1] * down[:, 0]
    share = turned / np.maximum((down**2).sum(-1), 1e-9)
    return (share.mean(0) < CROSSED) | (share.min(0) < 2 * CROSSED)


def _mistaken(points, own, rounded):
    """Which of the faces that fit no usual pose are refused."""
    best = np.maximum(0, face_fit.misfit(points, face_fit.all_poses())[0] - rounded)
    poses = face_fit.generic_poses()
    ordered = np.min([face_fit.misfit(points[:, order], poses)[0] for order in _ALL_ORDERS[1:]], axis=0)
    ordered = np.minimum(ordered, face_fit.misfit(points[..., ::-1], poses)[0])
    of_sets = np.min([face_fit.misfit(points, seen())[0] for seen in SETS.values()], axis=0)
    return (best > IMPOSSIBLE) | ((best > UNUSUAL) & (ordered < BETTER * best)) | ((own > STRANGE) & (of_sets < CLOSE))


def _mistakes(points):
    """Fault -> misfit and turn of each face, once that fault is mended."""
    poses = face_fit.generic_poses()
    ordered = {f"{name}; {WANTED}": points[:, np.argsort(order)] for order, name in ORDERS.items()}
    ordered[f"(y, x) in place of (x, y); {WANTED}"] = points[..., ::-1]
    found = {fault: face_fit.misfit(mended, poses) for fault, mended in ordered.items()}
    return found | {fault: face_fit.misfit(points, seen()) for fault, seen in SETS.items()}


def _unpaired(points):
    """x1 .. x5, y1 .. y5 that were read as (x1, x2), (x3, x4), ..."""
    return points.reshape(-1, 2, 5).swapaxes(1, 2)


_ALL_ORDERS = [np.array(order) for order in itertools.permutations(range(5))]


def layout_fault(face: Float[np.ndarray, "5 2"]) -> str:
    """What is wrong with a face that is refused, and what to do."""
    if _lost(face).any():
        mark = "(0, 0)" if (face == 0).all(-1).any() else "(-1, -1)"
        return f"a point at {mark}, which stands for one that was not found: leave this face out"
    one, poses = face[None], face_fit.generic_poses()
    if _on_a_line(one)[0]:
        return f"all five on one line; {WANTED}, both in pixels"
    found = {fault: (misfit[0], turn[0]) for fault, (misfit, turn) in _mistakes(one).items()}
    for fault, mended in ((PAIRED, _unpaired(one)), (UNPAIRED, one.swapaxes(1, 2).reshape(1, 5, 2))):
        misfit, turn = face_fit.misfit(mended, poses)
        if abs(turn[0]) < np.pi / 4:
            found[fault] = misfit[0], turn[0]
    fault = min(found, key=lambda fault: _score(*found[fault]))
    return fault if found[fault][0] < UNUSUAL else _order(one) or f"these points are a face in no order; {WANTED}"


def _score(misfit, turn):
    """Of two mistakes that fit, the one without which the face is upright has the lower score."""
    return misfit + 0.1 * (abs(turn) > np.pi / 4)


def _order(one) -> str | None:
    """The order in which the points are a face, if there is one."""
    fits = [face_fit.misfit(one[:, order.argsort()], face_fit.generic_poses()) for order in _ALL_ORDERS]
    scores = [_score(misfit[0], turn[0]) for misfit, turn in fits]
    best = int(np.argmin(scores))
    if fits[best][0][0] > UNUSUAL:
        return None
    return f"they look like {', '.join(POINTS[i] for i in _ALL_ORDERS[best])}; {WANTED}"
