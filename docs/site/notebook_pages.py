"""A notebook as a page of the site: its text, its code and the outputs that are stored in it. Nothing is executed."""

import base64
import json
import pathlib


def as_markdown(path: pathlib.Path) -> tuple[str, dict[str, bytes]]:
    """The page, and its pictures by the names that the page uses."""
    parts, pictures = [], {}
    for cell in json.loads(path.read_text())["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                name = f"{path.stem}_{len(pictures) + 1}.png"
                pictures[name] = base64.b64decode("".join(data["image/png"]))
                parts.append(f"![{_alt(cell)}]({name})")
            elif text := "".join(output.get("text", data.get("text/plain", []))):
                parts.append(f"```text\n{text.rstrip()}\n```")
    parts.append(f"This page is the notebook `notebooks/{path.name}`, with the outputs stored in it.")
    return "\n\n".join(parts), pictures


def _alt(cell: dict) -> str:
    """What the picture of a cell shows: the comment on its first line."""
    return cell["source"][0].lstrip("# ").strip()
