"""A PostgreSQL server of its own for tests, from Debian's packages; skipped by name where there is none."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

USER = "postgres"  # the server refuses to run as root
MISSING = "PostgreSQL is not installed: apt-get install postgresql"


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """The start of a URL, to which the name of a database is added, on a socket in a temporary folder."""
    pytest.importorskip("psycopg", reason='psycopg is not installed: pip install -e ".[postgres]"')
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    if not shutil.which("initdb") and not found:
        pytest.skip(MISSING)
    programs = pathlib.Path(shutil.which("initdb") or found[-1] / "initdb").parent
    with tempfile.TemporaryDirectory() as folder:
        if os.getuid() == 0:
            shutil.chown(folder, USER)
        os.chmod(folder, 0o755)
        data, options = ("-D", f"{folder}/data"), f"-k {folder} -c listen_addresses="
        _run(programs / "initdb", *data, "-A", "trust", "-U", USER, "--no-sync", folder=folder)
        _run(programs / "pg_ctl", *data, "-w", "-l", f"{folder}/log", "-o", options, "start", folder=folder)
        try:
            yield f"postgresql+psycopg://{USER}@/{{}}?host={folder}"
        finally:
            _run(programs / "pg_ctl", *data, "-m", "immediate", "stop", folder=folder)


def _run(program: pathlib.Path, *arguments: str, folder: str) -> None:
    prefix = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
    command = [*prefix, str(program), *arguments]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
