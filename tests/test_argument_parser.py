"""Wrong arguments end with 2 and one line, and help fits 80 columns."""

import pytest

from perface_jax.argument_parser import ArgumentParser, at_home, plain


def test_a_wrong_argument_is_one_line_that_names_the_help(capsys):
    parser = ArgumentParser(prog="perface draw", arguments="--out DIR", description="Draw.")
    parser.add_argument("--out", required=True, help="a folder " * 20)
    with pytest.raises(SystemExit) as end:
        parser.parse_args([])
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "perface draw: the following arguments are required: --out; the options: perface draw --help\n"
    )
    shown = parser.format_help()
    assert shown.startswith("usage: perface draw --out DIR [options]\n")
    assert max(map(len, shown.splitlines())) <= 80


def test_of_an_error_of_the_system_the_file_comes_first():
    with pytest.raises(FileNotFoundError) as error:
        open("/nope: it's not")
    assert plain(str(error.value)) == "/nope: it's not: no such file or directory"
    with pytest.raises(FileNotFoundError) as error:
        open("/nope: not")
    assert plain(str(error.value)) == "/nope: not: no such file or directory"
    assert plain("saw a, wanted b") == "saw a, wanted b"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("~/runs/x", "HOME/runs/x"),
        ("~", "HOME"),
        ("--workdir=~/runs/x", "--workdir=HOME/runs/x"),
        ("--anonymized=a=~/one,b=~/two", "--anonymized=a=HOME/one,b=HOME/two"),
        ("--html=a~b/~/c~", "--html=a~b/~/c~"),
        ("--html=~nobody-of-this-name/c", "--html=~nobody-of-this-name/c"),
    ],
)
def test_a_tilde_is_the_home_where_a_path_begins(given, meant, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert at_home(given) == meant.replace("HOME", str(tmp_path))
    parser = ArgumentParser(prog="perface draw", description="Draw.")
    parser.add_argument("place")
    assert parser.parse_args(["--", "~/a=~/b"]).place == f"{tmp_path}/a={tmp_path}/b"


def test_signs_that_do_not_print_are_escaped_wherever_a_message_comes_from(capsys):
    assert plain("a\u202eb\x1b[1m.png:\nmissing") == "a\\u202eb\\x1b[1m.png:\nmissing"
    with pytest.raises(SystemExit):
        ArgumentParser(prog="perface draw", description="Draw.").exit(2, "[Errno 13] Permission denied: 'a\x07'\n")
    assert capsys.readouterr().err == "a\\x07: permission denied\n"
