"""Faces of a video: tracked, cut out, and put back.

    from perface_jax import detection, video

    found = video.track_faces(video.pictures("in.mp4"), detection.mtcnn(), every=5)
    video.copy("in.mp4", "out.mp4", change)              # change: all pictures -> as many others

clips.py        video files: their pictures, and a copy with other pictures and the same sound
motion.py       how a face moves from one frame to the next
tracks.py       detections and motions as tracks
smoothing.py    points of a track without jitter
squares.py      a face cut out of a frame and put back, or covered

`anonymization/videos.py` chooses who replaces whom. Not done here: recognition, tracking of bodies, and faces that the
detector never finds.
"""

from perface_jax.video.clips import Summary, check_name, copy, pictures, summary
from perface_jax.video.smoothing import smooth
from perface_jax.video.squares import cover, cut, put_back
from perface_jax.video.tracks import Track, Tracking, points_of, track_faces

__all__ = [
    "Summary",
    "Track",
    "Tracking",
    "check_name",
    "copy",
    "cover",
    "cut",
    "pictures",
    "points_of",
    "put_back",
    "smooth",
    "summary",
    "track_faces",
]
