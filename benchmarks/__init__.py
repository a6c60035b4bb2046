"""Measurements, part by part: `python -m benchmarks.NAME [--write]` from the root of the repository.

Every part stands in a file of its own that says what it measures, against what. Its record, `results/NAME.json`, holds
the machine, the versions and all figures (`record`); `page` makes docs/performance.md from the records, `compare` says
what has become slower. The tests see that the parts run, never how long they take.
"""
