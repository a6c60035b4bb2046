"""What mkdocs adds to the pages of docs/: the README and its neighbors, the notebooks, and the reference.

Links are written for GitHub, between files of the repository. On the site they lead to pages; where a file has none,
its name is left. A link to nothing is left as it is, and fails the build.
"""

import os
import posixpath
import re
import zlib

import command_pages
import public_names
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from notebook_pages import as_markdown

ROOT = public_names.ROOT
OUTSIDE = {"README.md": "overview.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#:\s]+)((?:#[^)\s]*)?)\)")


def on_files(files: Files, config) -> Files:
    """Adds the pages that are not in docs/."""
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text, pictures = as_markdown(path)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    pages = {name: _reference(modules) for name, modules in public_names.pages().items()}
    for name, content in {**pages, "commands": command_pages.commands(), "fields": command_pages.fields()}.items():
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def on_page_markdown(markdown: str, page, config, files: Files) -> str:
    """Links between files of the repository become links between pages."""
    source = _source(page.file.src_uri)

    def linked(found: re.Match) -> str:
        mark, text, link, anchor = found.groups()
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        uri = _uri(wanted)
        if files.get_file_from_path(uri):
            return f"{mark}[{text}]({posixpath.relpath(uri, posixpath.dirname(page.file.src_uri))}{anchor})"
        return text if (ROOT / wanted).exists() and not wanted.startswith("docs/") else found.group()

    return LINK.sub(linked, markdown)


def on_post_build(config) -> None:
    """Fails where a public name has no docstring or no place in the reference."""
    modules = [module for shown in public_names.pages().values() for module in shown]
    if bare := [name for module in modules for name in public_names.undocumented(module)]:
        raise PluginError(f"public names without a docstring: {', '.join(bare)}")
    with open(os.path.join(config.site_dir, "objects.inv"), "rb") as file:
        placed = _names(file.read())
    names = {member.path for module in modules for member in public_names.public(module).values()}
    if missing := sorted(names - placed):
        raise PluginError(f"public names without a place in the reference: {', '.join(missing)}")


def _reference(modules: list) -> str:
    """One page: the docstring of each module, then its public names."""
    blocks = []
    for module in modules:
        blocks.append(f"::: {module.path}\n    options:\n      members: false\n      heading_level: {1 + bool(blocks)}")
        level = 2 if module is modules[0] else 3
        for member in public_names.public(module).values():
            blocks.append(f"::: {member.path}\n    options:\n      heading_level: {level}")
    return "\n\n".join(blocks)


def _source(uri: str) -> str:
    """`overview.md` -> `README.md`: where the text of a page is in the repository."""
    outside = {page: source for source, page in OUTSIDE.items()}
    return outside.get(uri) or (uri if uri.startswith("notebooks/") else f"docs/{uri}")


def _uri(source: str) -> str:
    """`README.md` -> `overview.md`: the page of a file of the repository, if it has one."""
    if source.startswith("notebooks/"):
        return source.replace(".ipynb", ".md")
    return OUTSIDE.get(source, source.removeprefix("docs/"))


def _names(inventory: bytes) -> set[str]:
    """The names in an inventory of Sphinx's second version: four lines, then compressed rows that begin with a name."""
    rows = zlib.decompress(inventory.split(b"\n", 4)[4]).decode()
    return {row.split(" ", 1)[0] for row in rows.splitlines()}
