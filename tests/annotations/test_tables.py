"""Tables with a line for each triplet: every fault is named with its file, its line and what was wanted."""

import pytest

from perface_jax.annotations.tables import listed, read_table

KNOWN = ("t0000", "t0001", "t0002")


def write(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())
    return path


def test_columns_may_be_in_any_order_beside_others_and_blanks_do_not_count(tmp_path):
    path = write(tmp_path, "\ufeffnote,setting,tripletId\r\n\r\n, train ,t0001\r\nx,,t0000\r\n".replace("x,,", "x,i,"))
    assert read_table(path, ("tripletId", "setting"), known=KNOWN) == {
        "t0001": {"setting": "train", "tripletId": "t0001"},
        "t0000": {"setting": "i", "tripletId": "t0000"},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "table.csv: the file is empty, wanted a header: tripletId,setting"),
        ("tripletId,Setting\nt0000,i\n", "line 1: saw the header 'tripletId,Setting', wanted setting in it, once each"),
        ("tripletId,setting,setting\nt0000,i,i\n", "line 1: .* wanted setting in it, once each"),
        ("a,b\n", "line 1: .* wanted tripletId, setting in it"),
        ("tripletId,setting\n", "line 1: saw a header and no lines below it"),
        ("tripletId,setting\nt0000,i,x\n", r"line 2: saw 3 cells \(t0000,i,x\), wanted 2"),
        ("tripletId,setting\n\nt0000,\n", "line 3: saw an empty cell in column setting, wanted a value, or no line"),
        ("tripletId,setting\n,i\n", "line 2: saw an empty cell in column tripletId"),
        ("tripletId,setting\nt0000,i\nt0001,i\nt0000,ii\n", "line 4: saw t0000, which is also on line 2"),
        ("tripletId,setting\nt0000,i\nt0009,i\nt12,i\n", "line 3: 2 of 3 triplets are unknown: t0009, t12; .* t0000"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        read_table(write(tmp_path, text), ("tripletId", "setting"), known=KNOWN)


def test_a_long_list_is_cut():
    assert listed("abc", 3) == "a, b, c"
    assert listed("abcd", 3) == "a, b, c, ..."
