"""One trial of an annotator, and the vote that it gets.

A trial shows a reference above, and the pictures a and b of a triplet below, one on the left and one on the right. The
plan decides which of them is on the left, so that sides are balanced.
"""

import dataclasses
import datetime
import enum


class Kind(enum.StrEnum):
    """What a trial is for."""

    PRACTICE = "practice"  # before the others, with feedback; no result
    VOTE = "vote"
    DUMMY = "dummy"  # one candidate is the reference, so one answer is right
    REPEAT = "repeat"  # a trial that was shown before, with exchanged sides


class Share(enum.StrEnum):
    """How a triplet was chosen for an annotator."""

    RANDOM = "random"  # evaluation uses these alone
    ADAPTIVE = "adaptive"  # because its answer was uncertain


class Choice(enum.StrEnum):
    """The picture that is more like the reference."""

    A = "a"
    B = "b"


class Side(enum.StrEnum):
    """A side of the screen."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> "Side":
        """The opposite side."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


@dataclasses.dataclass(frozen=True)
class Trial:
    """What one annotator is shown at one place of the session.

    Attributes:
      index: the place, from 0.
      triplet: its name; a page must not show it, for it tells dummies and repeats from other trials.
      reference, a, b: the ids of the three pictures, `Study.picture_path` has their files.
      left: which of a and b is on the left.
      expected: the right answer of a dummy or a practice trial, else None.
      repeat_of: of a repeat, the index of the trial that it repeats, else None.
    """

    index: int
    triplet: str
    reference: str
    a: str
    b: str
    left: Choice
    kind: Kind = Kind.VOTE
    share: Share = Share.RANDOM
    expected: Choice | None = None
    repeat_of: int | None = None

    @property
    def pictures(self) -> tuple[str, str, str]:
        """The pictures as shown: reference, left, right."""
        return (self.reference, self.a, self.b) if self.left is Choice.A else (self.reference, self.b, self.a)

    def choice(self, side: Side | str) -> Choice:
        """The picture on a side. ValueError if the side is neither left nor right."""
        other = Choice.B if self.left is Choice.A else Choice.A
        return self.left if Side(side) is Side.LEFT else other

    def side(self, choice: Choice | str) -> Side:
        """The side of a picture. ValueError if the choice is neither a nor b."""
        return Side.LEFT if Choice(choice) is self.left else Side.RIGHT


@dataclasses.dataclass(frozen=True)
class Vote:
    """One answer, as it is stored and exported.

    Attributes:
      annotator: a pseudonym.
      trial: the index of the trial.
      choice, side: the chosen picture, and the side on which it was.
      milliseconds: from when all three pictures were shown to the answer.
      plan: the hash of the plan that the trial is of (`plan.plan_hash`).
      expected, repeat_of: as in `Trial`.
      time: in UTC, such as 2026-11-30T21:24:00.123Z.
    """

    annotator: str
    trial: int
    triplet: str
    choice: Choice
    side: Side
    milliseconds: int
    plan: str
    kind: Kind
    share: Share
    expected: Choice | None
    repeat_of: int | None
    time: str

    @classmethod
    def on(
        cls, trial: Trial, *, annotator: str, choice: Choice | str, milliseconds: int, plan: str, time: str
    ) -> "Vote":
        """The vote of an annotator on a trial. ValueError for a choice that is neither a nor b."""
        return cls(
            annotator=annotator,
            trial=trial.index,
            triplet=trial.triplet,
            choice=Choice(choice),
            side=trial.side(choice),
            milliseconds=milliseconds,
            plan=plan,
            kind=trial.kind,
            share=trial.share,
            expected=trial.expected,
            repeat_of=trial.repeat_of,
            time=time,
        )


def utc_now() -> str:
    """The time of a vote, to the millisecond."""
    now = datetime.datetime.now(datetime.UTC)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
