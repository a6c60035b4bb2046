"""Anonymize faces, and evaluate anonymizers, on two axes: what people perceive and what recognizers match.

anonymize.py            the pipeline of pure functions: propose, swap, score, choose
anonymizer.py           the two commands: anonymize a folder, evaluate the results of any anonymizer
inputs.py               inputs of the command line: faces, groups and persons by role
embedders.py            the perceptual model and the recognizers
methods.py              given results, and those made here: baselines, and retouches of preservation.py
benchmark.py            the rows: every method under every recognizer; sections.py shows them
proposals.py            the rows of the pipeline, the contact sheet, and the curves by degree; folder.py writes them
"""
