"""American spelling, one word for one thing: words that documentation and code have left behind do not come back."""

import re

import pytest

from tests.conftest import ROOT
from tests.documents import PAGES

FOLDERS = ("perface_jax", "converters", "configs", "benchmarks")
FILES = [*PAGES, *sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))]
FORMER = {"anonymised", "normalise", "licence"}  # names that users may still type
BRITISH = (
    r"\b\w*(?:anonymis|normalis|recognis|summaris|initialis|minimis|maximis|serialis|organis|optimis(?!ti|m)|colour|favour"
    r"|behaviour|neighbour|labell|modell|judgement|grey|licence|artefact)\w*|\bcentre[ds]?\b"
)
INSTEAD = {  # a second word for one thing, or a phrase that reads like a translation -> ours
    BRITISH: "American spelling",
    r"\bayes\b": "votes for a",
    r"\bastray\b": "violation",
    r"\bforetold\b": "held-out",
    r"\banybody's (?:vectors|embeddings)": "embeddings from any model",
    r"\bpredictors? without pictures": "image-blind baseline",
    r"\bsplit ones\b": "unanimous or not",
    r"\b(?:is|are|lies?) (?:on|at) hand\b": "is available",
    r"\bas it was downloaded\b": "as downloaded",
    r"\bmeans? what people see\b": "tracks human judgments",
    r"\bknows? nothing of\b": "cannot",
    r"\bpixels a side|three votes a triplet|runs? a workdir|lines? a vote|pictures? a person\b": "per",
}


def _found(text: str) -> list[str]:
    hits = [
        (match.group(), ours) for words, ours in INSTEAD.items() for match in re.finditer(words, text, re.IGNORECASE)
    ]
    return [f"{word} -> {ours}" for word, ours in hits if word.lower() not in FORMER]


def test_left_behind_words_do_not_come_back():
    assert not {str(file.relative_to(ROOT)): found for file in FILES if (found := _found(file.read_text()))}


@pytest.mark.parametrize(
    "text", ["anonymisation of faces", "a Colour", "112 pixels a side", "beside anybody's vectors"]
)
def test_the_guard_sees_them(text):
    assert len(_found(text)) == 1


def test_the_guard_sees_nothing_else():
    assert not _found(
        "too optimistic, by an optimism of .06; labeled centers; licenses; images.normalise, the old name"
    )
