"""Tables of a page."""

from perface_jax.report.contents import Table
from perface_jax.report.html_tables import html_table


def test_a_head_breaks_between_words_only():
    drawn = html_table(Table(("method", "learned Re-ID"), [("blur", "0.5 [0.4, 0.6]")]))
    assert "learned Re\N{NON-BREAKING HYPHEN}ID</th>" in drawn
    assert "0.5 <wbr>[0.4, 0.6]</td>" in drawn
