"""Progress: a bar of 80 columns on a terminal, lines elsewhere, never two at once, and a measured time."""

import io
import itertools
import re

import pytest

from perface_jax import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Every look at the clock takes four seconds."""
    ticks = itertools.count(0, 4)
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: float(next(ticks)))


def test_a_file_gets_a_line_now_and_then_with_the_time_that_is_left(clock, capsys):
    assert list(progress_bar.over("abcdefghijklmno", "drawing", "faces", total=1500)) == list("abcdefghijklmno")
    assert capsys.readouterr().err.splitlines() == [
        "drawing: 2 of 1,500 faces, 1:39:52 left",  # after 8 s: 1498 / 2 * 8
        "drawing: 10 of 1,500 faces, 1:39:20 left",  # 32 s later: 1490 / 10 * 40
    ]


def test_a_short_loop_says_nothing(capsys):
    list(progress_bar.over(range(3), "drawing", "faces", total=3))
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_one_bar_of_80_columns_which_goes(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", "200")
    with progress_bar.ProgressBar(2, "outer", "rows") as bar:
        for _ in progress_bar.over(range(2), "inner", "rows", total=2):
            bar.update()
    drawn = screen.getvalue()
    assert "outer" in drawn
    assert "inner" not in drawn
    assert max(map(len, re.split(r"[\r\n]", drawn))) <= 80
    assert drawn.endswith("\r")
    assert not drawn.split("\r")[-2].strip()


def test_a_loop_that_breaks_leaves_room_for_the_next_one(clock, capsys):
    with pytest.raises(ValueError, match="broke"), progress_bar.ProgressBar(2, "first", "rows"):
        raise ValueError("broke")
    list(progress_bar.over("abcd", "second", "rows", total=4))
    assert capsys.readouterr().err.startswith("second: 2 of 4 rows, 0:00:08 left")
