"""Bad inputs by seed, and what must hold: one line that says what is wrong, or a listed skip; nothing that loads.

`python -m tests.fuzz --seed 0 --count 1000` runs many, `--only N` one of them again; docs/testing.md says more.
"""
