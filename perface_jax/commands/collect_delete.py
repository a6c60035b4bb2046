"""Delete an annotator: `perface collect delete DIR ANNOTATOR [--database URL]`.

Removes the votes and the link, and says which exports still hold the votes: those files are the reader's to delete.
"""

from collections.abc import Sequence

from perface_jax.argument_parser import ArgumentParser
from perface_jax.collection.store import open_store
from perface_jax.collection.study import open_study


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; an unknown annotator gives exit code 2 and one line."""
    parser = ArgumentParser(
        prog="perface collect delete",
        arguments="DIR ANNOTATOR",
        description="Delete an annotator's votes and link. The pseudonym is not given again.",
    )
    parser.add_argument("folder", metavar="DIR", help="the study")
    parser.add_argument("annotator", metavar="ANNOTATOR", help="the pseudonym")
    parser.add_argument("--database", metavar="URL", help="as for perface collect serve")
    chosen = parser.parse_args(arguments)
    try:
        store = open_store(open_study(chosen.folder), chosen.database)
        exports = store.delete(chosen.annotator)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f"{chosen.annotator}: the votes and the link are deleted.")
    print("Exports that hold the votes:" if exports else "No export holds the votes.")
    for one in exports:
        print(f"  {one.place} ({one.time})")


if __name__ == "__main__":
    main()
