"""Forwards `python -m perface_jax.statistics plan` to `perface plan`."""

import sys


def main() -> None:
    """Runs `plan`, the only command."""
    if sys.argv[1:2] != ["plan"]:
        raise SystemExit("usage: python -m perface_jax.statistics plan ...; `plan --help` shows its options")
    from perface_jax import extras

    with extras.explained(program=True):
        from perface_jax.commands import plan
    plan.main(sys.argv[2:])


if __name__ == "__main__":
    main()
