"""What an annotator is shown next: a pure function of the study and of how many trials have their vote.

The answer is what the page gets. It has addresses in place of the ids of pictures, and nothing that tells a dummy, a
repeat or an adaptive trial from another one.
"""

import functools
import hashlib
import importlib.resources
import json
from collections.abc import Sequence
from typing import Any

from perface_jax.collection import keys
from perface_jax.collection.plan import plan_hash, plan_trials
from perface_jax.collection.store import Annotator
from perface_jax.collection.study import Study
from perface_jax.collection.trials import Kind, Trial

LANGUAGES = ("en", "de")


class Steps:
    """The steps of one study; the plans of annotators are kept."""

    def __init__(self, study: Study):
        self.study = study
        self.consent = consent_id(study)
        self.plan = functools.lru_cache(maxsize=1000)(self._plan)

    def after(self, annotator: Annotator, *, stopped: bool) -> dict[str, Any]:
        """What comes after the votes that were given: consent, a trial, the end, or a closed study."""
        shown = {"annotator": annotator.annotator, "title": self.study.plan.title, "plan": annotator.plan}
        trials = self.trials(annotator)
        if trials and annotator.votes >= len(trials):
            return shown | {"step": "finished", "code": keys.completion_code(self.study, annotator.annotator)}
        if stopped:
            return shown | {"step": "stopped"}
        if not trials:
            return shown | {"step": "consent", "consent": {"id": self.consent, "text": self.study.plan.consent or None}}
        return shown | {"step": "trial"} | self._trial(annotator, trials)

    def trials(self, annotator: Annotator) -> tuple[Trial, ...]:
        """All trials of an annotator; none before consent."""
        return () if annotator.number is None else self.plan(annotator.number)[0]

    def feedback(self, trial: Trial, side: str) -> str | None:
        """After practice `right` or `wrong`, otherwise nothing."""
        if trial.kind is not Kind.PRACTICE:
            return None
        return "right" if trial.choice(side) is trial.expected else "wrong"

    def picture(self, annotator: Annotator, address: str) -> str | None:
        """The id of the picture at an address, if it is of the trial to be answered or of the one after it."""
        for trial in self.trials(annotator)[annotator.votes : annotator.votes + 2]:
            addresses = keys.picture_addresses(self.study, annotator.annotator, trial)
            if address in addresses:
                return trial.pictures[addresses.index(address)]
        return None

    def _plan(self, number: int) -> tuple[tuple[Trial, ...], str]:
        trials = tuple(plan_trials(self.study, number))
        return trials, plan_hash(trials)

    def _trial(self, annotator: Annotator, trials: Sequence[Trial]) -> dict[str, Any]:
        trial, more = trials[annotator.votes], trials[annotator.votes + 1 : annotator.votes + 2]
        practice = sum(one.kind is Kind.PRACTICE for one in trials)
        is_practice = trial.kind is Kind.PRACTICE
        number = trial.index + 1 - (0 if is_practice else practice)
        return {
            "number": number,
            "of": practice if is_practice else len(trials) - practice,
            "pause": self._pause(trial.index, trial.index - practice),
            "trial": self._shown(annotator, trial),
            "next": self._shown(annotator, more[0]) if more else None,
        }

    def _pause(self, index: int, after_practice: int) -> str | None:
        """The screen before a trial."""
        if index == 0:
            return "instructions"
        if after_practice == 0:
            return "practice_over"
        every = self.study.plan.break_every
        return "break" if every and after_practice > 0 and after_practice % every == 0 else None

    def _shown(self, annotator: Annotator, trial: Trial) -> dict[str, Any]:
        addresses = keys.picture_addresses(self.study, annotator.annotator, trial)
        return {"index": trial.index, "practice": trial.kind is Kind.PRACTICE, "pictures": list(addresses)}


def consent_id(study: Study) -> str:
    """Identifies the text that an annotator agrees to: the study's own, or that of the page in all languages."""
    own = study.plan.consent or "".join(_strings(language)["consent_text"] for language in LANGUAGES)
    return hashlib.sha256(own.encode()).hexdigest()[:16]


def _strings(language: str) -> dict[str, str]:
    folder = importlib.resources.files("perface_jax.collection").joinpath("page")
    return json.loads(folder.joinpath(f"strings.{language}.json").read_text("utf-8"))
