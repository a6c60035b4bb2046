"""The examples in docstrings print what they say. Each imports what it uses, as a reader must."""

import ast
import doctest

import pytest

from tests.conftest import ROOT

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
WANTED = {  # what users import first
    "achievable_accuracy", "align", "classify", "least_similar", "perceptual_distance", "read_answers", "robust_test",
    "score_interval", "similarity", "split", "triplet_accuracy", "true_accept_rate", "unanimous",
}  # fmt: skip


def _examples():
    for path in sorted(file for folder in ("perface_jax", "converters") for file in (ROOT / folder).rglob("*.py")):
        if ">>>" in (text := path.read_text()):
            for node in ast.walk(ast.parse(text)):
                docstring = (
                    ast.get_docstring(node) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) else None
                )
                if docstring and ">>>" in docstring:
                    name = getattr(node, "name", path.stem)
                    test = doctest.DocTestParser().get_doctest(docstring, {}, name, str(path), 0)
                    yield pytest.param(test, id=f"{path.relative_to(ROOT)}:{name}")


EXAMPLES = list(_examples())


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_prints_what_it_says(example):
    said = []
    failed = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.append).failed
    assert not failed, "".join(said)


def test_what_users_import_first_has_an_example():
    assert {example.values[0].name for example in EXAMPLES} >= WANTED


def test_an_example_that_is_wrong_fails():
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner(optionflags=FLAGS).run(test, out=lambda text: None).failed
