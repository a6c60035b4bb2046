"""The probe of XLA flags."""

import subprocess

from tests.xla_flags import accepted


def test_unknown_flags_are_left_out_and_no_flag_is_tried_twice(tmp_path, monkeypatch):
    flags = ["--xla_nonsense=true", "--xla_backend_optimization_level=0"]
    assert accepted(flags, tmp_path) == flags[1:]
    monkeypatch.setattr(subprocess, "run", None)
    assert accepted(flags, tmp_path) == flags[1:]
