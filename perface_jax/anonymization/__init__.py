"""What the third page is made of: what the command line names, methods made here, and the folder of results.

inputs.py     faces, groups and persons by role; who looks
methods.py    the methods that are judged, and who judges them
folder.py     what --part=anonymize writes
"""
