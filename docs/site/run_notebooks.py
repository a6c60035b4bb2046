"""Runs the notebooks and stores what they print and draw in them: make notebooks.

Progress (stderr) and the times of execution are left out, so that a notebook changes only where its results do.
"""

import pathlib
import sys

import nbclient
import nbformat

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "notebooks"


def run(path: pathlib.Path) -> None:
    """Executes one notebook in place."""
    notebook = nbformat.read(path, 4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=1200,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": FOLDER.parent}},
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(FOLDER.glob("*.ipynb")):
        run(pathlib.Path(name))
