"""The documentation site: every public name has a docstring and a place, links lead somewhere, nothing is fetched."""

import inspect
import re
import subprocess
import sys

import griffe
import pytest
import yaml

from tests.conftest import ROOT

sys.path.append(str(ROOT / "docs" / "site"))
import hooks  # noqa: E402
import public_names  # noqa: E402

PAGES = public_names.pages()
MODULES = [module for modules in PAGES.values() for module in modules]


@pytest.fixture(scope="module")
def config() -> dict:
    return yaml.safe_load((ROOT / "mkdocs.yml").read_text())


def _pages(nav) -> set[str]:
    if isinstance(nav, str):
        return {nav}
    return set().union(*map(_pages, nav.values() if isinstance(nav, dict) else nav))


def test_every_public_name_has_a_docstring():
    assert not [name for module in MODULES for name in public_names.undocumented(module)]


def test_every_page_has_one_place(config):
    docs = {path.name for path in (ROOT / "docs").glob("*.md")}
    notebooks = {f"notebooks/{path.stem}.md" for path in (ROOT / "notebooks").glob("*.ipynb")}
    reference = {f"reference/{name}.md" for name in (*PAGES, "commands", "fields")}
    placed, wanted = _pages(config["nav"]), docs | notebooks | reference | set(hooks.OUTSIDE.values())
    assert not wanted - placed, "give these pages a place in `nav` of mkdocs.yml"
    assert not placed - wanted, "take these pages out of `nav` of mkdocs.yml"


def test_the_public_names_are_those_that_python_finds():
    import perface_jax
    from perface_jax import metrics
    from perface_jax.training import trainer

    shown = {module.path: set(public_names.public(module)) for module in MODULES}
    assert shown["perface_jax.metrics"] == set(metrics.__all__)
    rooms = {name for name in perface_jax.__all__ if inspect.ismodule(getattr(perface_jax, name))}
    assert shown["perface_jax"] == set(perface_jax.__all__) - rooms
    defined = (inspect.isfunction, inspect.isclass)
    own = {
        name for kind in defined for name, x in inspect.getmembers(trainer, kind) if x.__module__ == trainer.__name__
    }
    assert shown["perface_jax.training.trainer"] == {name for name in own if name[0] != "_"}


def test_a_name_or_a_method_without_a_docstring_is_found():
    text = '''
def bare(): ...
def _private(): ...
class Described:
    """Yes."""
    def method(self): ...
'''
    module = griffe.visit("module", filepath=ROOT / "module.py", code=text)
    assert public_names.undocumented(module) == ["module.bare", "module.Described.method"]


@pytest.mark.parametrize("page", PAGES)
def test_docstrings_describe_parameters_that_exist(page):
    wrong = []
    for module in PAGES[page]:
        for member in public_names.public(module).values():
            if member.is_function and member.docstring:
                named = re.findall(r"^  ([*\w][\w, *]*): ", _section(member.docstring.value, "Args"), re.MULTILINE)
                known = {parameter.name for parameter in member.parameters}
                wrong += [
                    f"{member.path}: {name}" for row in named for name in re.findall(r"\w+", row) if name not in known
                ]
    assert not wrong


@pytest.mark.parametrize("page", PAGES)
def test_sections_of_docstrings_have_the_form_that_is_parsed(page, caplog):
    for module in PAGES[page]:
        for member in public_names.public(module).values():
            for described in (member, *(member.members.values() if member.is_class else ())):
                if described.docstring:
                    described.docstring.parse("google", warn_unknown_params=False, warn_missing_types=False)
    assert not caplog.messages


def _section(docstring: str, title: str) -> str:
    return next(iter(re.findall(rf"^{title}:\n((?:  .*\n?|\n)*)", docstring, re.MULTILINE)), "")


class _Page:
    def __init__(self, uri):
        self.file = self
        self.src_uri = uri


class _Files:
    def get_file_from_path(self, uri):
        return uri if uri in ("data.md", "overview.md", "figures/a.png", "notebooks/scores.md") else None


@pytest.mark.parametrize(
    ("page", "written", "wanted"),
    [
        ("overview.md", "[a](docs/data.md#rows)", "[a](data.md#rows)"),
        ("overview.md", "![a](docs/figures/a.png)", "![a](figures/a.png)"),
        ("overview.md", "[a](notebooks/scores.ipynb)", "[a](notebooks/scores.md)"),
        ("overview.md", "[a](LICENSE)", "a"),
        ("data.md", "[a](../README.md)", "[a](overview.md)"),
        ("notebooks/scores.md", "[a](../docs/data.md)", "[a](../data.md)"),
        ("data.md", "[a](nothing.md)", "[a](nothing.md)"),
        ("data.md", "[a](../nothing.py)", "[a](../nothing.py)"),
        ("data.md", "[a](https://arxiv.org/abs/2509.20281)", "[a](https://arxiv.org/abs/2509.20281)"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(page, written, wanted):
    assert hooks.on_page_markdown(written, _Page(page), None, _Files()) == wanted


@pytest.mark.slow
def test_the_site_is_built_strictly_and_fetches_nothing(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=ROOT,
        text=True,
        stderr=subprocess.PIPE,
    )
    assert not built.returncode, built.stderr
    fetched = r"<(?:script|img|link)[^>]*(?:src|href)=[\"']?(?:https?:)?//"
    assert not [path for path in tmp_path.rglob("*.html") if re.search(fetched, path.read_text())]
    assert (tmp_path / "reference" / "metrics.html").exists()
