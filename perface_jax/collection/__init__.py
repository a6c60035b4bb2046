"""New judgments: a study of triplets, the plan of who judges what, and the files that its votes become.

    study = open_study("study")                 # made by `perface collect new`
    trials = plan_trials(study, 0)              # the trials of annotator 0, the same at every call
    vote = Vote.on(trials[0], annotator="p3kq", choice="a", milliseconds=2150, plan=plan_hash(trials), time=utc_now())

`trials` has what a page shows and what it gets back, `study` the folder, `plan` the order of the trials of every
annotator. The files of a study are described in docs/collection.md. No module that a server needs imports JAX.
"""

from perface_jax.collection.plan import plan_hash, plan_trials
from perface_jax.collection.plan_file import Plan, read_plan
from perface_jax.collection.study import Study, Triplet, open_study
from perface_jax.collection.trials import Choice, Kind, Share, Side, Trial, Vote, utc_now

__all__ = [
    "Choice",
    "Kind",
    "Plan",
    "Share",
    "Side",
    "Study",
    "Trial",
    "Triplet",
    "Vote",
    "open_study",
    "plan_hash",
    "plan_trials",
    "read_plan",
    "utc_now",
]
