"""Faces with their cosines as one HTML page that needs no other file, no network and no script."""

import base64
import datetime
import html
import io
import string
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from etils import epath
from jaxtyping import UInt8
from PIL import Image

from perface_jax import files
from perface_jax._version import __version__
from perface_jax.commands.face_files import Opened


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


def write(file: epath.PathLike, page: Page) -> None:
    """Write the page; the file is whole or absent."""
    parts = [f"<h1>{_text(page.title)}</h1>", _number(page.cosine, page.spread)]
    for heading, faces in page.groups.items():
        parts += [f"<h2>{_text(heading)}</h2>"] if heading else []
        kind = "pair" if page.cosine is not None else "many" if len(faces) > 1 else "one"
        parts.append(f'<div class="{kind}">{"".join(map(_figure, faces))}</div>')
    parts += [f"<p>{_text(line)}</p>" for line in page.text]
    rows = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in page.facts.items())
    files.write_text(file, _PAGE.substitute(title=_text(page.title), body="\n".join([*parts, f"<dl>{rows}</dl>"])))


def _text(text: str) -> str:
    return html.escape(text)


def _number(cosine: float | None, spread: Spread | None) -> str:
    if cosine is None:
        return ""
    bands, said, legend = "", "", ""
    if spread is not None:
        low, quarter, middle, third, high = spread.ends
        bands = _band("most", low, high) + _band("half", quarter, third) + _band("middle", middle, middle)
        said = f"; {spread.label}: 95% from {low:.2f} to {high:.2f}"
        legend = (
            f'<p class="legend"><b class="most"></b>{_text(spread.label)}: 95% lie from {low:.2f} to {high:.2f},'
            f' <b class="half"></b>half from {quarter:.2f} to {third:.2f}</p>'
        )
    return (
        f'<p class="cosine">cosine <strong>{cosine:.3f}</strong></p>'
        f'<div class="axis" role="img" aria-label="{cosine:.3f} on an axis from -1 to 1{_text(said)}">'
        f'{bands}<i style="left:{_place(cosine):.1f}%"></i></div>'
        f'<div class="ends"><span>-1</span><span>0</span><span>1, most alike</span></div>{legend}'
    )


def _place(cosine: float) -> float:
    return 50 + 50 * min(max(cosine, -1), 1)


def _band(kind: str, low: float, high: float) -> str:
    return f'<b class="{kind}" style="left:{_place(low):.1f}%;width:{_place(high) - _place(low):.1f}%"></b>'


def _figure(face: Shown) -> str:
    data = io.BytesIO()
    Image.fromarray(face.crop).save(data, "PNG")
    source = base64.b64encode(data.getvalue()).decode()
    detail = f"<br><strong>{_text(face.detail)}</strong>" if face.detail else ""
    detail += "".join(f"<br>{_text(line)}" for line in face.more)
    image = f'<img src="data:image/png;base64,{source}" alt="the face in {_text(face.name)}">'
    return f"<figure>{image}<figcaption>{_text(face.name)}{detail}</figcaption></figure>"


_PAGE = string.Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; --page: #fff; --ink: #1b1f24; --soft: #5b6470; --line: #c9ced6; --mark: #005a8f;
  --most: #9fb4c4; --half: #5f87a3; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16191d; --ink: #e8eaed; --soft: #a7afb9; --line: #474e57; --mark: #7cc4f5;
    --most: #52677a; --half: #7f9cb2; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .75rem; }
p { max-width: 42rem; margin: .75rem 0; overflow-wrap: anywhere; }
.cosine { font-size: 1.2rem; margin: 0 0 .75rem; }
.cosine strong { font-size: 2.6rem; line-height: 1; font-variant-numeric: tabular-nums; margin-left: .3rem; }
.axis { position: relative; height: .5rem; border-radius: .25rem; max-width: 36rem; background: var(--line); }
.axis i { position: absolute; top: -.35rem; width: .4rem; height: 1.2rem; margin-left: -.2rem; border-radius: .2rem;
  background: var(--mark); outline: 2px solid var(--page); }
.axis b { position: absolute; top: 0; height: 100%; }
.most { background: var(--most); }
.half { background: var(--half); }
.axis .middle { min-width: 2px; margin-left: -1px; background: var(--ink); }
.legend { font-size: .85rem; color: var(--soft); margin: -1rem 0 1.5rem; max-width: 36rem; }
.legend b { display: inline-block; width: 1rem; height: .6rem; border-radius: .15rem; margin-right: .35rem; }
.ends { display: grid; grid-template-columns: 1fr auto 1fr; max-width: 36rem; font-size: .85rem; color: var(--soft);
  margin: .25rem 0 1.5rem; }
.ends :last-child { text-align: right; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; max-width: 36rem; }
.many { display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: 1rem; }
.one { max-width: 12rem; }
figure { margin: 0; min-width: 0; }
img { display: block; width: 100%; border-radius: .4rem; }
figcaption { font-size: .9rem; line-height: 1.35; margin-top: .4rem; overflow-wrap: anywhere; color: var(--soft); }
figcaption strong { color: var(--ink); font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .9rem; margin: 2rem 0 0;
  padding-top: 1rem; border-top: 1px solid var(--line); }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")
