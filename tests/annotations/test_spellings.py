"""Names that say nothing, and two spellings of one name, are refused with their lines; all others are left alone."""

import pytest

from perface_jax.annotations.spellings import MISSING, key, refuse_unclear


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "ANNA"),
        ("Anna Maria", "Anna  Maria"),
        ("Zo\u00eb", "Zoe\u0308"),  # as Linux and macOS write it
        ("anna", "an\u200bna"),
        ("\uff11", "1"),
        ("17", "17.0"),
        ("Stra\u00dfe", "STRASSE"),
    ],
)
def test_two_spellings_have_one_key_and_are_refused_with_both_lines(one, other):
    assert key(one) == key(other)
    with pytest.raises(
        ValueError, match=f"p.csv, line 5: saw '{other}' in column person, and '{one}' on line 2, which"
    ):
        refuse_unclear("p.csv", "person", [(2, one), (3, "bob"), (5, other)])


def test_other_names_are_different_and_may_repeat():
    names = ["7", "007", "7.5", "1.10", "v1.0", "anna_1", "anna-1", "nancy", "Nada"]
    assert len(set(map(key, names))) == len(names)
    refuse_unclear("p.csv", "person", list(enumerate(names + names, 2)))


def test_names_that_say_nothing_are_refused_with_their_lines():
    cells = [(2, "ann"), (3, ""), (4, "NaN"), (5, "bob"), (6, "None"), (7, "N/A"), (8, "NULL"), (9, ""), (10, "")]
    with pytest.raises(ValueError, match=r"p.csv, lines 3, 4, 6, 7, 8, ...: saw an empty cell and 'NaN' and 'None'"):
        refuse_unclear("p.csv", "person", cells)
    with pytest.raises(ValueError, match=r"p.csv, line 4: saw 'nan' in column sex, wanted a name"):
        refuse_unclear("p.csv", "sex", [(2, "male"), (4, "nan")], nothing=MISSING)
    for name in ("#NAME?", "#DIV/0!", "#NUM!", "1.#QNAN", "-1.#IND", "n.a.", "\\N"):  # of Excel, pandas, MySQL
        with pytest.raises(ValueError, match="p.csv, line 2: saw "):
            refuse_unclear("p.csv", "sex", [(2, name)], nothing=MISSING)
    refuse_unclear("p.csv", "glasses", [(2, "none"), (3, "round")], nothing=MISSING)
