"""The figures of a report: each is laid out once, however often it is drawn."""

import io
from typing import TYPE_CHECKING

from etils import epath

from perface_jax.files import write_bytes
from perface_jax.report.contents import Report
from perface_jax.report.slugs import slugs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POINTS = 1000  # in a figure of lines; figures with more load and scroll faster as pixels
QUALITY = 80  # of WebP


def save_figures(folder: epath.PathLike, report: Report) -> list[epath.Path]:
    """Write every figure as .pdf, named after its caption; returns the files."""
    import matplotlib

    folder = epath.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [picture for section in report.sections for picture in section.figures]
    files = [folder / f"{name}.pdf" for name in slugs(picture.caption for picture in pictures)]
    with matplotlib.rc_context({"pdf.fonttype": 42}):  # many publishers refuse the default, Type 3
        for picture, file in zip(pictures, files, strict=True):
            write_bytes(file, _drawn(picture.figure, format="pdf", dpi=300))
    return files


def image(figure: "Figure", *, dpi: int) -> tuple[str, bytes]:
    """The media type and the bytes for a page: lines as SVG; photographs and many points as WebP."""
    if _is_pixels(figure):
        return "image/webp", _drawn(figure, format="webp", dpi=dpi, pil_kwargs={"quality": QUALITY})
    return "image/svg+xml", _drawn(figure, format="svg", metadata={"Date": None, "Creator": None})


def _is_pixels(figure):
    lines = (len(line.get_xdata()) for panel in figure.axes for line in panel.lines)
    dots = (len(one.get_offsets()) for panel in figure.axes for one in panel.collections)
    return sum(lines) + sum(dots) > MOST_POINTS or any(panel.images for panel in figure.axes)


def _drawn(figure, **options):
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine(None)  # each `savefig` would execute it again, and draw twice to do so
    data = io.BytesIO()
    figure.savefig(data, **options)
    return data.getvalue()
