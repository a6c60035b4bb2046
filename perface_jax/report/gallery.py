"""Strips of pictures on a page."""

import html

from perface_jax.report.contents import Picture, Strip, Tile
from perface_jax.report.html_tables import html_table
from perface_jax.report.shell import element, picture

SIDE = 144  # pixels; on a page a tile is 112 or 120 wide
MOST = 8  # strips; more fold
FEW = 3  # pictures of a strip of which two fit beside each other


def html_strips(shown: Picture, *, name: str) -> str:
    """The strips of one picture, with its caption as heading; `name` is its address on the page."""
    small = " small" if all(len(strip.tiles) <= FEW for strip in shown.strips) else ""
    first, rest = (_strips(part, small) for part in (shown.strips[:MOST], shown.strips[MOST:]))
    if rest:
        rest = f"<details><summary>{len(shown.strips) - MOST} more</summary>{rest}</details>"
    return f"<section id='{name}'>{element('h2', shown.caption)}{first}{rest}</section>"


def _strips(strips, small):
    return f'<div class="strips{small}">{"".join(map(_strip, strips))}</div>' if strips else ""


def _strip(strip: Strip) -> str:
    tiles = "".join(map(_tile, strip.tiles))
    text = element("p", strip.text, "help") if strip.text else ""
    table = html_table(strip.table) if strip.table else ""
    return f'<div class="strip">{element("h3", strip.heading)}<div class="tiles">{tiles}</div>{text}{table}</div>'


def _tile(tile: Tile) -> str:
    kinds = " ".join(["framed"] * tile.framed + ["gap"] * tile.apart)
    mark = f"<strong>{html.escape(tile.mark)}</strong><br>" if tile.mark else ""
    caption = f"<figcaption>{mark}{html.escape(tile.name)}</figcaption>"
    image = picture(tile.picture, f"face {tile.name}", side=SIDE)
    return f"<figure{f' class={chr(34)}{kinds}{chr(34)}' if kinds else ''}>{image}{caption}</figure>"
