"""The public face of the package."""

import ast
import pathlib
import sys

import perface_jax.annotations

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_public_names_are_all_there():
    missing = [name for name in perface_jax.annotations.__all__ if not hasattr(perface_jax.annotations, name)]
    assert not missing
    assert perface_jax.annotations.__all__ == sorted(perface_jax.annotations.__all__)


def test_it_imports_numpy_and_nothing_else_from_outside():
    allowed = {"numpy", "perface_jax"} | sys.stdlib_module_names
    for file in (ROOT / "perface_jax" / "annotations").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in allowed, f"{file.name} imports {name}"
                assert not name.startswith("perface_jax") or name.startswith("perface_jax.annotations"), file.name
