"""Verification in a report: whether two pictures are of one person, on identities that training left out."""

import functools
from collections.abc import Mapping

from perface_jax import evaluation, sections
from perface_jax.evaluator.part import BY_REPLICA, Part, PartResult, named
from perface_jax.training import builders


def _row(embedder, data):
    return evaluation.verification_row("", embedder, data.people.pictures, data.people.identity, data.pairs)


def _report(target, data, found: Mapping[str, evaluation.VerificationRow]) -> PartResult:
    rows = [found[identity]._replace(model=name) for name, identity in named(target, BY_REPLICA).items()]
    facts = {"folder": target.config.data.folder, "identities": rows[0].identities, "pairs": rows[0].pairs}
    curves = sections.training(target.workdir / "log.jsonl")
    parts = [sections.verification(rows), *([curves] if curves else [])]
    return PartResult(parts, [], {"identities": facts}, [sections.verification_summary(rows)])


VERIFICATION = Part(functools.partial(builders.open_identities, unseen="test"), BY_REPLICA, _row, _report)
