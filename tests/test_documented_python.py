"""The Python of the documentation compiles, and (slow) runs on small data."""

import ast

import pytest

from tests import documented_python, documents, processes
from tests.conftest import QUICK
from tests.documented_sandbox import sandbox  # noqa: F401

PAGES = [
    page for page in documents.PAGES if any(block.language == documents.PYTHON for block in documents.blocks(page))
]


def of_python(page):
    return [block for block in documents.blocks(page) if block.language == documents.PYTHON]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_imports_what_exists(page):
    """Names that are imported from our packages, and attributes of them that are used."""
    for block in of_python(page):
        tree = ast.parse(block.text, block.place)
        imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
        ours = [node for node in imports if "perface_jax" in ast.unparse(node)]
        exec(compile(ast.Module(ours, []), block.place, "exec"), {})


@pytest.mark.slow  # minutes: renderers, networks and samplers are compiled
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_runs_on_small_data(page, sandbox):  # noqa: F811
    processes.run("-c", documented_python.program(of_python(page)), xla_flags=QUICK, folder=sandbox)


def test_a_program_says_in_which_block_it_fails(tmp_path):
    page = tmp_path / "statistics.md"
    page.write_text("```python\nvotes.shape\n```\n\n```python\nimport bambi\n```\n\n```python\n1 / 0\n```\n")
    blocks = [block._replace(page=documents.ROOT / "docs" / page.name) for block in documents.blocks(page)]
    with pytest.raises(ZeroDivisionError) as failed:
        exec(documented_python.program(blocks), {})
    assert "statistics.md:9" in str(failed.getrepr())
