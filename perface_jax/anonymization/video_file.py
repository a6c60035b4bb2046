"""`perface anonymize --video IN OUT`: the video OUT, and beside it a report with the same name that ends in .json."""

from etils import epath

from perface_jax import outputs, report, video
from perface_jax.anonymization.video_inputs import Opened
from perface_jax.anonymization.video_report import video_report
from perface_jax.anonymization.videos import anonymize_video
from perface_jax.detection import Detector
from perface_jax.report import Report
from perface_jax.training import workdir as workdirs


def refuse(path: epath.PathLike, out: epath.PathLike) -> None:
    """Raise an error for what cannot be read or written, before anything is computed.

    Raises:
      MissingExtra: the extra `video` is not installed.
      FileNotFoundError, ValueError, OSError: no video, or files that exist or cannot be written.
    """
    video.check_name(out)
    video.summary(path)
    for file in (out, _report_of(out)):
        if epath.Path(file).exists():
            raise ValueError(f"{file} exists; remove it, or give another name")
    outputs.require_files(out, _report_of(out))


def write(path: epath.PathLike, out: epath.PathLike, opened: Opened, detector: Detector, *, every: int) -> Report:
    """Write the video and its report; arguments as for `videos.anonymize_video`."""
    plan = anonymize_video(path, out, opened.method, detector, judge=opened.judge, keep=opened.keep, every=every)
    facts = {"What was anonymized": {"video": f"{path}", "out": f"{out}", "every": every}}
    found = video_report(plan, facts | {"Versions": workdirs.versions()})
    report.write_json(_report_of(out), found)
    return found


def _report_of(out):
    return epath.Path(out).with_suffix(".json")
