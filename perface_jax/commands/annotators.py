"""`perface annotators FILE.csv`: how reliable is each annotator, and do they differ in how often they say b?"""

import sys

import numpy as np
from etils import epath

from perface_jax import outputs
from perface_jax.annotations import Labels, ReliabilityResult, Votes, annotator_reliability, glad, mace, read_answers
from perface_jax.argument_parser import ArgumentParser
from perface_jax.extras import MissingExtra
from perface_jax.files import write_csv
from perface_jax.formatting import estimate, number, p_value, shown, wrapped
from perface_jax.statistics.heterogeneity import cochran_q

FEW_VOTES = 100  # of the median annotator, below which intervals are too narrow: docs/annotators.md
RULES = {"glad": glad, "mace": mace}


def main(arguments: list[str] | None = None) -> None:
    """Print the table of the annotators; wrong input gives exit code 2 and one line."""
    parser = ArgumentParser(
        prog="perface annotators",
        arguments="file",
        description="How reliable is each annotator of a file of votes in the long form?",
    )
    parser.add_argument("file", help="CSV: triplet,annotator,choice, one vote a line")
    parser.add_argument("--compare", nargs="+", metavar="RULE", choices=[*RULES], default=[],
                        help="glad, mace or both: their abilities, too (extra crowd; slow)")  # fmt: skip
    parser.add_argument("--labels", metavar="CSV", help="write the label of every triplet, with its probability of b")
    chosen = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        outputs.require_files(chosen.labels)
        votes = read_answers(chosen.file)
        found = annotator_reliability(votes)
        others = {rule: RULES[rule](votes).ability for rule in chosen.compare}
        if chosen.labels:
            _write(chosen.labels, votes, found.labels)
    except MissingExtra:
        raise
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print("\n".join(_lines(votes, found, others)), flush=True)


def _lines(votes: Votes, found: ReliabilityResult, others: dict[str, np.ndarray]) -> list[str]:
    heads = "".join(f"{rule:>7}" for rule in others)
    given = sum(one.votes for one in found.annotators)
    lines = [
        wrapped(f"{votes.path}: {given:,} votes of {len(found.annotators)} annotators on {len(votes.ids):,} triplets."),
        f"  {'annotator':14}{'votes':>6}  {'right':24}{'bias to b':22}{heads}".rstrip(),
    ]
    for i in np.argsort([one.right.value for one in found.annotators], kind="stable"):
        one = found.annotators[i]
        name, bias = shown(one.name, 13), estimate(one.bias, "+.2f")
        rest = "".join(f"{number(float(ability[i]), '.2f'):>7}" for ability in others.values())
        lines.append(f"  {name:14}{one.votes:6,}  {estimate(one.right, '.3f'):24}{bias:22}{rest}".rstrip())
    return [*lines, *_words(votes, found)]


def _words(votes: Votes, found: ReliabilityResult) -> list[str]:
    common, side = found.hierarchy, cochran_q(votes.votes, np.asarray(votes.annotator))
    said = [
        "Right: the probability of the true answer, with its 95% interval, by hierarchical Dawid-Skene. The least"
        " reliable come first. Bias to b: in log-odds, 0 without a preference for a side.",
        f"Spread of ability {common.spread_ability:.2f}, of bias {common.spread_bias:.2f} (log-odds). Do all say b"
        f" equally often? Cochran's Q {number(side.q, '.1f', missing='n/a')}, {side.degrees} degrees of freedom,"
        f" p = {p_value(side.p, missing='n/a').replace('< ', 'below ')}.",
        str(found.labels) + ".",
    ]
    typical = np.median([one.votes for one in found.annotators])
    if typical < FEW_VOTES:
        said.append(f"The median annotator has {typical:g} votes: below {FEW_VOTES} the intervals are too narrow.")
    return [wrapped(sentence, indent="") for sentence in said]


def _write(file: str, votes: Votes, labels: Labels) -> None:
    letters = np.array(["a", "b", ""])[labels.label]
    rows = [
        [name, letter, f"{share:.6f}"] for name, letter, share in zip(votes.ids, letters, labels.share, strict=True)
    ]
    write_csv(epath.Path(file), [["tripletId", "label", "probability_b"], *rows])


if __name__ == "__main__":
    main()
