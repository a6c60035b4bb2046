"""Tables with a line for each triplet: every fault is named with its file, its line and what was wanted."""

import os

import pytest

from perface_jax.annotations.tables import listed, read_lines, read_table, real

KNOWN = ("t0000", "t0001", "t0002")


def write(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode("latin-1" if "\0" in text else "utf-8"))
    return path


def test_columns_may_be_in_any_order_beside_others_and_blanks_do_not_count(tmp_path):
    path = write(tmp_path, '\ufeffnote, "Setting",TRIPLETID,\r\n\r\n, train , "t0001",0\r\n,,,\r\nx,i,t0000,1\r\n')
    assert read_table(path, ("tripletId", "setting"), known=KNOWN) == {
        "t0001": {"setting": "train", "tripletId": "t0001"},
        "t0000": {"setting": "i", "tripletId": "t0000"},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "table.csv: the file is empty, wanted a header: tripletId,setting"),
        ("tripletId,set\nt0000,i\n", "line 1: saw the header 'tripletId,set', wanted setting in it, once each"),
        ("tripletId,setting,Setting\nt0000,i,i\n", "line 1: .* wanted setting in it once; tripletId,setting"),
        ("tripletId;setting\nt0000;i\n", "line 1: saw cells separated by semicolons, wanted commas"),
        ("tripletId\tsetting\nt0000\ti\n", "line 1: saw cells separated by tabs, wanted commas"),
        (
            "tripletId,setting\n".encode("utf-16").decode("latin-1"),
            "not a text file in UTF-8; .* save it as 'CSV UTF-8'",
        ),
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


def test_bytes_that_are_not_utf8_stay_those_of_the_file_name(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"name\ncaf\xe9.jpg\n")
    (_, (heading,)), (_, (name,)) = read_lines(tmp_path / "table.csv")
    assert (heading, os.fsencode(name)) == ("name", b"caf\xe9.jpg")


def test_a_long_list_is_cut():
    assert listed("abc", 3) == "a, b, c"
    assert listed("abcd", 3) == "a, b, c, ..."


@pytest.mark.parametrize("cell", ["1_000", "nan", "inf", "1e999", "٣", "0x1", "", "1,5", "1 2"])
def test_only_decimal_digits_are_numbers(cell):
    assert [real("-1.5"), real("2e-3"), real(".5"), real("7.")] == [-1.5, 0.002, 0.5, 7]
    with pytest.raises(ValueError, match="is not a number"):
        real(cell)


def test_what_is_quoted_is_one_short_line(tmp_path):
    for text in ('tripletId,setting\n"t0000,i\nt0001,i\n', f"tripletId,setting\nt0000,{'x' * 10**5}\nt\x01,i,x\n"):
        with pytest.raises(ValueError, match="line ") as error:
            read_table(write(tmp_path, text), ("tripletId", "setting"), known=KNOWN)
        assert len(str(error.value).removeprefix(str(tmp_path))) < 300
        assert str(error.value).isprintable()
