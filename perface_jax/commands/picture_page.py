"""Faces with their cosines as one HTML page that needs no other file, no network and no script."""

import datetime
import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from etils import epath
from jaxtyping import UInt8

from perface_jax import files
from perface_jax._version import __version__
from perface_jax.commands.face_files import Opened
from perface_jax.report.shell import element, page, picture


class Shown(NamedTuple):
    """A face as the model sees it, its name, and what stands below the name: one thing in bold, further lines."""

    name: str
    detail: str
    crop: UInt8[np.ndarray, "s s 3"]
    more: Sequence[str] = ()


class Spread(NamedTuple):
    """What the cosine is compared with: 2.5, 25, 50, 75 and 97.5% of these lie below the five ends."""

    ends: tuple[float, float, float, float, float]
    label: str


class Page(NamedTuple):
    """What is on the page; `groups` are headings with their faces, `cosine` is drawn from -1 to 1, over a spread."""

    title: str
    text: Sequence[str]
    groups: Mapping[str, Sequence[Shown]]
    facts: Mapping[str, str]
    cosine: float | None = None
    spread: Spread | None = None


def facts(model: epath.PathLike, opened: Opened) -> dict[str, str]:
    """How the faces were found and embedded."""
    size = f"{opened.model.image_size} x {opened.model.image_size} pixels, {opened.crop} crop"
    today = datetime.date.today().isoformat()
    return {"Model": str(model), "Faces": f"{opened.how}; {size}", "Made": f"{today}, perface_jax {__version__}"}


def write(file: epath.PathLike, shown: Page) -> None:
    """Write the page; the file is whole or absent."""
    parts = [element("h1", shown.title), _number(shown.cosine, shown.spread)]
    for heading, faces in shown.groups.items():
        parts += [element("h2", heading)] if heading else []
        kind = "pair" if shown.cosine is not None else "many" if len(faces) > 1 else "one"
        parts.append(f'<div class="{kind}">{"".join(map(_figure, faces))}</div>')
    parts += [element("p", line) for line in shown.text]
    rows = "".join(element("dt", name) + element("dd", value) for name, value in shown.facts.items())
    body = "\n".join(['<div class="card faces">', *parts, f"<dl>{rows}</dl></div>"])
    files.write_text(file, page(shown.title, body))


def _number(cosine: float | None, spread: Spread | None) -> str:
    if cosine is None:
        return ""
    bands, said, legend = "", "", ""
    if spread is not None:
        low, quarter, middle, third, high = spread.ends
        bands = _band("most", low, high) + _band("half", quarter, third) + _band("middle", middle, middle)
        said = f"; {spread.label}: 95% from {low:.2f} to {high:.2f}"
        legend = (
            f'<p class="legend"><b class="most"></b>{html.escape(spread.label)}: 95% lie from {low:.2f} to {high:.2f},'
            f' <b class="half"></b>half from {quarter:.2f} to {third:.2f}</p>'
        )
    return (
        f'<p class="cosine">cosine <strong>{cosine:.3f}</strong></p>'
        f'<div class="range" role="img" aria-label="{cosine:.3f} on an axis from -1 to 1{html.escape(said)}">'
        f'{bands}<i style="left:{_place(cosine):.1f}%"></i></div>'
        f'<div class="ends"><span>-1</span><span>0</span><span>1, most alike</span></div>{legend}'
    )


def _place(cosine: float) -> float:
    return 50 + 50 * min(max(cosine, -1), 1)


def _band(kind: str, low: float, high: float) -> str:
    return f'<b class="{kind}" style="left:{_place(low):.1f}%;width:{_place(high) - _place(low):.1f}%"></b>'


def _figure(face: Shown) -> str:
    detail = f"<br>{element('strong', face.detail)}" if face.detail else ""
    detail += "".join(f"<br>{html.escape(line)}" for line in face.more)
    image = picture(face.crop, f"the face in {face.name}", side=max(face.crop.shape))
    return f"<figure>{image}<figcaption>{html.escape(face.name)}{detail}</figcaption></figure>"
