"""A report as one HTML page."""

import base64
import html
import string

from etils import epath

from perface_jax.files import write_text
from perface_jax.report.contents import Report, numeric
from perface_jax.report.drawing import image
from perface_jax.report.plain import grouped
from perface_jax.report.slugs import slugs

PIXELS_PER_INCH = 120  # of CSS; more than on paper, because a screen is further away
SHARPNESS = 2  # pixels of a PNG for one of CSS


def write_html(file: epath.PathLike, report: Report) -> None:
    """Write a report as one page that needs no other file, no network and no script; the file is whole or absent."""
    chapters = [(section.title, _html_section(section)) for section in report.sections]
    if report.facts:
        chapters.append(("How it was made", _html_facts(report.facts)))
    links, sections = [], []
    for (title, content), name in zip(chapters, slugs(title for title, _ in chapters), strict=True):
        links.append(f'<li><a href="#{name}">{html.escape(title)}</a></li>')
        sections.append(f'<section id="{name}">\n{_html("h2", title)}\n{content}\n</section>')
    contents = f"<nav><ol>{''.join(links)}</ol></nav>" if links else ""
    body = "\n".join([_html("h1", report.title), _html_warnings(report.warnings), contents, *sections])
    write_text(file, _PAGE.substitute(title=html.escape(report.title), body=body))


def _html(tag: str, text: str, *kinds: str) -> str:
    """One element of text."""
    attribute = ' class="' + " ".join(kinds) + '"' if kinds else ""
    return f"<{tag}{attribute}>{html.escape(text)}</{tag}>"


def _html_warnings(warnings):
    items = "".join(_html("li", text) for text in warnings)
    return f'<aside class="warnings" role="note"><h2>Warnings</h2><ul>{items}</ul></aside>' if items else ""


def _html_section(section):
    parts = [_html_table(section.table)] if section.table else []
    parts += [_html("p", section.help, "help")] if section.help else []
    return "\n".join([*parts, _html_figures(section.figures)])


def _html_table(table):
    right = numeric(table)
    head, *lines = (
        "".join(_html_cell(tag, *pair) for pair in zip(line, right, strict=True))
        for tag, line in [("th", table.columns), *(("td", line) for line in table.lines)]
    )
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    return f'<div class="table" tabindex="0">{table}</div>'  # in the tab order, because it may have to be scrolled


def _html_cell(tag, text, right):
    cell = _html(tag, text, *["number"] * right, *["none"] * text.startswith("n/a"))
    return cell.replace(" [", " <wbr>[") if right else cell  # a line may break here only


def _html_figures(pictures):
    return f'<div class="figures">\n{"".join(map(_html_figure, pictures))}</div>' if pictures else ""


def _html_figure(picture):
    width, height = (round(inches * PIXELS_PER_INCH) for inches in picture.figure.get_size_inches())
    kind, data = image(picture.figure, dpi=SHARPNESS * PIXELS_PER_INCH)
    source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    shown = f'<img src="{source}" alt="{html.escape(picture.caption)}" width="{width}" height="{height}">'
    return f"<figure>{shown}{_html('figcaption', picture.caption)}</figure>\n"


def _html_facts(facts):
    parts = []
    for group, pairs in grouped(facts).items():
        parts.append(_html("h3", group) + "<dl>")
        parts += [_html("dt", name) + "".join(_html("dd", value) for value in values) for name, values in pairs]
        parts.append("</dl>")
    return "\n".join(parts)


# The policy forbids scripts and the network, whatever text the page holds.
_PAGE = string.Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light; --line: #dcdfe4; --soft: #5b6470; --link: #005a8f; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1b1f24; font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 3rem 2rem 5rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1.5rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 0 0 1rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
section { margin-top: 3rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
a { color: var(--link); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
.warnings { border: 1px solid #e5b48f; border-left: 5px solid #d55e00; border-radius: 4px; background: #fff7f0;
  padding: 1rem 1.5rem; margin: 0 0 2rem; }
.warnings h2 { font-size: 1rem; margin: 0 0 .4rem; }
.warnings ul, nav ol { margin: 0; padding-left: 1.3rem; }
nav ol { columns: 2 20rem; column-gap: 3rem; }
/* A shadow at the side on which the table goes on. */
.table { overflow-x: auto; background: linear-gradient(90deg, #fff 50%, #fff0) left / 5rem 100% local no-repeat,
  linear-gradient(270deg, #fff 50%, #fff0) right / 5rem 100% local no-repeat,
  linear-gradient(90deg, #0002, #0000) left / .8rem 100% scroll no-repeat,
  linear-gradient(270deg, #0002, #0000) right / .8rem 100% scroll no-repeat; }
table { border-collapse: collapse; font-size: .85rem; line-height: 1.4; }
th, td { padding: .35rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { border-bottom: 2px solid #1b1f24; vertical-align: bottom; font-weight: 600; }
th:first-child, td:first-child { padding-left: 0; }
td { max-width: 24rem; overflow-wrap: break-word; }
td:last-child:not(.number) { min-width: 9rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th.number, .number wbr { white-space: normal; }
.none { color: var(--soft); max-width: 12rem; white-space: normal; }
.help { color: var(--soft); max-width: 46rem; margin: .9rem 0 0; }
.figures { display: flex; flex-wrap: wrap; gap: 2rem 3rem; margin-top: 2rem; }
figure { margin: 0; }
img { display: block; max-width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .9rem; width: 0; min-width: 100%; margin-top: .5rem; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1.5rem; margin: 0;
  font-size: .9rem; }
dt { color: var(--soft); grid-column: 1; }
dd { margin: 0; grid-column: 2; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@media (max-width: 600px) {
  main { padding: 1.5rem 1rem; }
  dl { display: block; }
  dd { margin: 0 0 .5rem; }
}
@media print {
  @page { margin: 18mm; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  .table { overflow: visible; background: none; }
  table { width: auto; font-size: 8pt; }
  section { margin-top: 1.5rem; }
  h2, h3, thead, .help { break-after: avoid; }
  tr, .table, figure, .warnings { break-inside: avoid; }
}
</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")
