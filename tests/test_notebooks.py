"""The notebooks: what they use exists, they are small, and they run from the first cell to the last."""

import ast
import importlib
import json
import re

import pytest

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def _cells(path) -> list[dict]:
    return json.loads(path.read_text())["cells"]


def _code(path) -> str:
    return "\n".join("".join(cell["source"]) for cell in _cells(path) if cell["cell_type"] == "code")


def test_its_code_compiles_and_all_that_it_takes_from_this_library_exists(path):
    tree, modules = ast.parse(_code(path)), {"perface_jax": importlib.import_module("perface_jax")}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("perface_jax"):
            modules |= {alias.name: _member(node.module, alias.name) for alias in node.names}
    used = [
        (node.value.id, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _name(node) in modules
    ]
    assert used
    assert not [f"{name}.{attribute}" for name, attribute in used if not hasattr(modules[name], attribute)]


def _member(module: str, name: str):
    found = importlib.import_module(module)
    return getattr(found, name) if hasattr(found, name) else importlib.import_module(f"{module}.{name}")


def _name(node: ast.Attribute) -> str:
    return node.value.id if isinstance(node.value, ast.Name) else ""


def test_its_links_lead_somewhere(path):
    text = "".join("".join(cell["source"]) for cell in _cells(path) if cell["cell_type"] == "markdown")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert links
    assert not [link for link in links if not (path.parent / link).exists()]


def test_what_it_stores_is_small_and_whole(path):
    assert path.stat().st_size < 300_000
    outputs = [output for cell in _cells(path) for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    pictures = [cell for cell in _cells(path) if any("image/png" in o.get("data", {}) for o in cell.get("outputs", []))]
    assert all(cell["source"][0].startswith("# ") for cell in pictures)  # what the picture shows, for its alt text


@pytest.mark.slow
def test_it_runs(path):
    import nbclient
    import nbformat

    nbclient.NotebookClient(nbformat.read(path, 4), timeout=600, resources={"metadata": {"path": ROOT}}).execute()
