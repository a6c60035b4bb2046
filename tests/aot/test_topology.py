"""Names of topologies, and compilers that are missing."""

import sys

import pytest

from perface_jax import extras
from perface_jax.aot import topology


@pytest.mark.parametrize("name", ["v9z:2x2", "v5e", "h200:2x2", "v5e:2by2", "v5e:2", ""])
def test_a_wrong_name_is_refused(name):
    with pytest.raises(ValueError, match=f"saw topology '{name}'; wanted one as v5e:2x2"):
        topology.topology(name)


@pytest.mark.parametrize(("name", "package"), [("v5e:2x2", "libtpu"), ("h200", "jax_cuda12_plugin")])
def test_a_missing_compiler_is_named_with_its_extra(name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(extras.MissingExtra, match=rf'{package} is not installed; .*"perface_jax\[aot\]"'):
        with extras.explained():
            topology.topology(name)
