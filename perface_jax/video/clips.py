"""Video files: their pictures, and a copy with other pictures.

Pictures are uint8 RGB and upright, as a player shows them. A copy keeps what the original says of time and place: the
timestamps of its frames, also of a variable frame rate, its rotation, the shape of its pixels, its colors, and its
sound, packet by packet. It does not keep titles, places and other notes, subtitles, and further video streams.

Only one frame is in memory, and what the caller holds. Ten bits a color become eight.
"""

import collections
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from etils import epath
from jaxtyping import UInt8

from perface_jax import extras, files

Picture = UInt8[np.ndarray, "h w 3"]
ENCODERS = {
    ".mp4": "libx264",
    ".m4v": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".webm": "libvpx-vp9",
}
QUALITY = {"libx264": {"crf": "17"}, "libvpx-vp9": {"crf": "22", "b": "0", "row-mt": "1", "cpu-used": "4"}}
QUARTER = 90  # degrees; other rotations are not written by cameras


class Summary(NamedTuple):
    """What a file says of itself before it is read."""

    width: int  # upright
    height: int
    rate: float  # frames a second on average
    frames: int  # 0 = not known
    sound: int  # streams


class _Moment(NamedTuple):
    """When a frame is shown, in units of its stream, and how it is turned."""

    time: int
    duration: int
    rotation: int


def summary(path: epath.PathLike) -> Summary:
    """What a file says of itself.

    Raises:
      MissingExtra: the extra `video` is not installed.
      FileNotFoundError, ValueError: no such file, or no video in it.
    """
    with _opened(path) as (container, stream):
        with _explained(path):
            frame = next(container.decode(stream), None)
        if frame is None:
            raise ValueError(f"{path} has a video stream without a frame")
        turned = _rotation(frame) // QUARTER % 2
        width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
        frames = stream.frames or round(float((stream.duration or 0) * stream.time_base * _rate(stream)))
        return Summary(width, height, float(_rate(stream)), frames, len(container.streams.audio))


def pictures(path: epath.PathLike) -> Iterator[Picture]:
    """The pictures of a file in the order in which they are shown; raises as `summary`."""
    with _opened(path) as (container, stream), _explained(path):
        for frame in container.decode(stream):
            yield _upright(frame)


def copy(path: epath.PathLike, out: epath.PathLike, change: Callable[[Iterator[Picture]], Iterable[Picture]]) -> int:
    """Write a copy of a file with other pictures of the same sizes; returns how many.

    Args:
      path: the original.
      out: complete, or absent; the ending says what kind of file it becomes.
      change: takes all pictures and gives one for each, in their order; it may look ahead.

    Raises:
      ValueError: as `summary`; also sound that this kind of file cannot hold, or another number of pictures.
    """
    check_name(out := os.path.expanduser(out))
    with _opened(path) as (container, stream), files.replacing(out) as unfinished, _explained(path):
        return _copied(container, stream, str(unfinished), change, f"{out}")


def check_name(out: epath.PathLike) -> None:
    """Raise a ValueError unless the ending of a file is that of a video that can be written."""
    if epath.Path(out).suffix.lower() not in ENCODERS:
        raise ValueError(f"saw {out}, wanted a file that ends in {', '.join(ENCODERS)}")


def _copied(container, stream, unfinished, change, name):
    moments: collections.deque[_Moment] = collections.deque()
    with _pyav().open(unfinished, "w", options=_container_options(unfinished)) as written:
        video = _add_video(written, stream, _first_frame(container, stream))
        sound = _add_sound(written, container, name)
        count = 0
        for picture in change(_decoded(container, stream, written, sound, moments)):
            if not moments:
                raise ValueError("change gave more pictures than it took; wanted one for each")
            written.mux(video.encode(_frame(picture, moments.popleft(), stream, video)))
            count += 1
        written.mux(video.encode(None))
    if moments:
        raise ValueError(f"change gave {count} pictures and left {len(moments)} out; wanted one for each")
    return count


def _decoded(container, stream, written, sound, moments):
    """The pictures; on the way, sound is copied and the times of frames are remembered."""
    last = None
    for packet in container.demux([stream, *sound]):
        if packet.stream is not stream:
            if packet.dts is not None:  # the last packet of a stream is empty
                packet.stream = sound[packet.stream]
                written.mux(packet)
            continue
        for frame in packet.decode():
            moment = _moment(frame, stream, last)
            moments.append(moment)
            last = moment
            yield _upright(frame)


def _moment(frame, stream, last):
    duration = frame.duration or max(1, round(1 / (_rate(stream) * stream.time_base)))
    after = 0 if last is None else last.time + last.duration
    time = after if frame.pts is None else frame.pts
    if last is not None and time <= last.time:  # two frames at one time cannot be written
        time = last.time + 1
    return _Moment(time, duration, _rotation(frame))


def _first_frame(container, stream):
    frame = next(container.decode(stream), None)
    if frame is None:
        raise ValueError("a video stream without a frame")
    container.seek(0)
    return frame


def _add_video(written, stream, frame) -> Any:
    name = ENCODERS[epath.Path(written.name).suffix.lower()]
    video = written.add_stream(name, rate=_rate(stream), options=QUALITY[name])
    odd = frame.width % 2 or frame.height % 2
    video.width, video.height, video.pix_fmt = frame.width, frame.height, "yuv444p" if odd else "yuv420p"
    context = video.codec_context
    context.time_base = stream.time_base
    if stream.sample_aspect_ratio:
        context.sample_aspect_ratio = stream.sample_aspect_ratio
    for field in ("colorspace", "color_range", "color_primaries", "color_trc"):
        setattr(context, field, getattr(frame, field))
    if rotation := _rotation(frame):
        video.set_display_rotation(rotation)
    return video


def _add_sound(written, container, name):
    """Streams of the original -> streams of the copy."""
    found = {}
    for stream in container.streams.audio:
        kind = stream.codec_context.name
        try:
            found[stream] = written.add_stream_from_template(stream)
        except ValueError as error:
            raise ValueError(f"{name} cannot hold sound of the kind {kind}, which is copied; wanted .mkv") from error
    return found


def _frame(picture, moment, stream, video):
    turned = np.ascontiguousarray(np.rot90(picture, -moment.rotation // QUARTER))
    context = video.codec_context
    if turned.shape != (context.height, context.width, 3) or turned.dtype != np.uint8:
        raise ValueError(f"saw a picture {turned.dtype} {list(turned.shape)}, wanted uint8 of the size of the original")
    frame = _pyav().VideoFrame.from_ndarray(turned, format="rgb24")
    frame = frame.reformat(
        format=context.pix_fmt, dst_colorspace=context.colorspace or None, dst_color_range=context.color_range or None
    )
    frame.pts, frame.time_base, frame.duration = moment.time, stream.time_base, moment.duration
    return frame


def _upright(frame) -> Picture:
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), _rotation(frame) // QUARTER))


def _rotation(frame) -> int:
    return QUARTER * round(frame.rotation / QUARTER) % 360


def _rate(stream) -> Fraction:
    return Fraction(stream.average_rate or stream.guessed_rate or 25)


def _container_options(name):
    return {"movflags": "+faststart"} if epath.Path(name).suffix.lower() in (".mp4", ".m4v", ".mov") else {}


def _pyav() -> Any:
    with extras.explained():
        import av
    return av


@contextlib.contextmanager
def _opened(path) -> Iterator[tuple[Any, Any]]:
    av = _pyav()
    path = os.path.expanduser(path)
    if not epath.Path(path).is_file():
        raise FileNotFoundError(f"no file {path}; wanted a video")
    with _explained(path), av.open(str(path)) as container:
        stream = container.streams.best("video")
        if stream is None:
            raise ValueError(f"{path} has no video stream")
        stream.thread_type = "AUTO"
        yield container, stream


@contextlib.contextmanager
def _explained(path):
    """Errors of FFmpeg as a ValueError that names the file."""
    try:
        yield
    except _pyav().error.FFmpegError as error:
        why = (error.strerror or str(error)).lower()
        raise ValueError(f"{path} is no video that can be read, or a damaged one: {why}") from error
