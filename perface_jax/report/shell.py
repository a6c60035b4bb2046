"""The frame of every HTML page: one file that needs no network; its look is `style.css`, its only script `tables.js`.

Light and dark follow the reader's system. Without the script all is readable; with it tables sort and filter.
"""

import base64
import functools
import hashlib
import html
import importlib.resources
import io
import re
import string

import numpy as np
from jaxtyping import UInt8
from PIL import Image

QUALITY = 82  # of photographs, as WebP


def page(title: str, body: str, *, tables: bool = False) -> str:
    """A whole page; `tables` adds the script that sorts and filters them, and the policy allows no other."""
    script = _package_data("tables.js") if tables else ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f" script-src 'sha256-{digest}';" if tables else ""
    return _PAGE.substitute(
        title=html.escape(title),
        policy=policy,
        style=_package_data("style.css"),
        body=body,
        script=f"<script>{script}</script>\n" if tables else "",
    )


def element(tag: str, text: str, *kinds: str) -> str:
    """One element of text, of these classes."""
    attribute = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<{tag}{attribute}>{html.escape(text)}</{tag}>"


def picture(pixels: UInt8[np.ndarray, "h w 3"], alt: str, *, side: int, lazy: bool = True) -> str:
    """An image of at most `side` by `side` pixels."""
    shown = Image.fromarray(pixels)
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    shown.save(data, "WEBP", quality=QUALITY)
    loading = ' loading="lazy"' if lazy else ""
    return (
        f'<img src="{data_address("image/webp", data.getvalue())}" alt="{html.escape(alt)}" width="{shown.width}"'
        f' height="{shown.height}"{loading}>'
    )


def data_address(kind: str, data: bytes) -> str:
    """The data inside of an address."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@functools.cache
def _package_data(name: str) -> str:
    """The text of a file beside this one, without comments and indentation."""
    text = importlib.resources.files("perface_jax.report").joinpath(name).read_text("utf-8")
    return re.sub(r"\n\s+", "\n", re.sub(r"/\*.*?\*/\n?", "", text, flags=re.DOTALL))


_PAGE = string.Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline';\
$policy base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<main>
$body
</main>
$script</body>
</html>
""")
