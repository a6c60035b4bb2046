"""Measurements, part by part: `python -m benchmarks.NAME [--write]` from the root of the repository.

Every part is a file that says what it measures, and against what. Its record, `results/NAME.json`, holds the machine,
the versions and all figures (`record`). `page` writes docs/performance.md from the records; `compare` says what has
become slower. Tests check that the parts run, never how long they take.
"""
