"""A report as one HTML page: summary, pictures, then sections that fold, and at the end how it was made."""

import html

from etils import epath

from perface_jax.files import write_text
from perface_jax.report.card import html_card
from perface_jax.report.contents import Picture, Report, Section
from perface_jax.report.drawing import image
from perface_jax.report.gallery import html_strips
from perface_jax.report.html_tables import html_table
from perface_jax.report.plain import grouped
from perface_jax.report.shell import data_address, element, page
from perface_jax.report.slugs import slugs

PIXELS_PER_INCH = 110  # of CSS; more than on paper, because a screen is further away
SHARPNESS = 2  # pixels of an image for one of CSS


def write_html(file: epath.PathLike, report: Report) -> None:
    """Write a report as one page that needs no other file and no network; the file is whole or absent."""
    parts = [(section.title, _hint(section), _html_section(section)) for section in report.sections]
    if report.facts:
        hint = element("span", "data, settings, versions", "soft")
        parts.append(("How it was made", hint, _html_facts(report.facts)))
    names = slugs(title for title, _, _ in parts)
    strips = [(section, one) for section in report.sections for one in section.figures if one.strips]
    gallery = [html_strips(one, name=f"pictures-{place}") for place, (_, one) in enumerate(strips)]
    links = "".join(
        [f'<li><a href="#pictures-{i}">Pictures: {html.escape(of.title)}</a></li>' for i, (of, _) in enumerate(strips)]
        + [f'<li><a href="#{name}">{html.escape(one[0])}</a></li>' for one, name in zip(parts, names, strict=True)]
    )
    folded = [_part(*part, name) for part, name in zip(parts, names, strict=True)]
    contents = f'<nav aria-label="Parts"><ul>{links}</ul></nav>' if links else ""
    card = html_card(report, _html_warnings(_general(report), "h2"))
    write_text(file, page(report.title, "\n".join([card, contents, *gallery, *folded]), tables=True))


def _part(title, hint, content, name):
    inner = f'<div id="{name}">{content}</div>'
    return f'<details class="part"><summary>{element("h2", title)}{hint}</summary>\n{inner}</details>'


def _general(report: Report) -> list[str]:
    """The warnings that belong to no section."""
    placed = {warning for section in report.sections for warning in section.warnings}
    return [warning for warning in report.warnings if warning not in placed]


def _hint(section: Section) -> str:
    count = len(section.warnings)
    return element("span", f"{count} warning{'s' * (count > 1)}", "flag") if count else ""


def _html_warnings(warnings, heading):
    title = "Warnings" if len(warnings) > 1 else "Warning"
    items = "".join(element("li", text) for text in warnings)
    return f'<div class="warnings" role="note">{element(heading, title)}<ul>{items}</ul></div>' if items else ""


def _html_section(section: Section) -> str:
    parts = [_html_warnings(section.warnings, "h3")]
    parts += [html_table(section.table, section.thumbnails)] if section.table else []
    parts += [element("p", section.help, "help")] if section.help else []
    drawn = [picture for picture in section.figures if not picture.strips]
    if len(drawn) < len(section.figures):
        parts.append(element("p", "The pictures are at the top of the page.", "help"))
    parts += [f'<div class="figures">\n{"".join(map(_html_figure, drawn))}</div>'] if drawn else []
    return "\n".join(filter(None, parts))


def _html_figure(picture: Picture) -> str:
    width, height = (round(inches * PIXELS_PER_INCH) for inches in picture.figure.get_size_inches())
    source = data_address(*image(picture.figure, dpi=SHARPNESS * PIXELS_PER_INCH))
    said = html.escape(picture.caption)
    shown = f'<img src="{source}" alt="{said}" width="{width}" height="{height}" loading="lazy">'
    return f'<figure><div tabindex="0">{shown}</div>{element("figcaption", picture.caption)}</figure>\n'


def _html_facts(facts):
    parts = []
    for group, pairs in grouped(facts).items():
        parts.append(element("h3", group) + "<dl>")
        parts += [element("dt", name) + "".join(element("dd", value) for value in values) for name, values in pairs]
        parts.append("</dl>")
    return "\n".join(parts)
