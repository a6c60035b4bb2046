"""One run per workdir: a lock file names the process that holds the workdir, and disappears when that process ends.

The file is created with an exclusive open, which works on every file system, including network shares and Windows. The
lock of a dead process of this host is taken over. A process of another host cannot be checked, so its lock must be
removed by hand. Buckets have no exclusive open, so runs there are not locked.
"""

import contextlib
import datetime
import json
import os
import pathlib
import socket
import sys
from collections.abc import Iterator
from typing import Any

import jax
from etils import epath

from perface_jax import files, parallel

FILE = "run.lock"


@contextlib.contextmanager
def held(workdir: epath.PathLike) -> Iterator[None]:
    """Hold a workdir, creating it if needed; of several processes, the first one holds it.

    Raises:
      ValueError: another process holds it.
      OSError: the folder cannot be written to.
    """
    folder = str(files.absolute(workdir))
    if jax.process_index() or "://" in folder:
        yield
        return
    os.makedirs(folder, exist_ok=True)
    lock = pathlib.Path(folder, FILE)
    mine = _take(lock)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            if _read(lock) == mine:  # it may have been removed by hand, and another run may have taken its place
                lock.unlink()


def refuse_held(workdir: epath.PathLike) -> None:
    """Raise a ValueError, in all processes of a run, if another run holds the workdir (which need not exist yet)."""
    fault = "" if jax.process_index() else _fault(pathlib.Path(str(files.absolute(workdir)), FILE))
    if fault := parallel.gather_objects(fault)[0]:
        raise ValueError(fault)


def _take(lock: pathlib.Path) -> dict[str, Any]:
    mine = _me()
    for _ in range(3):  # the second try is for when another process took it over first
        if fault := _fault(lock):
            raise ValueError(fault)
        _set_aside(lock)
        try:
            file = open(lock, "x")
        except FileExistsError:
            continue
        try:
            with file:
                file.write(json.dumps(mine) + "\n")
        except OSError:
            lock.unlink(missing_ok=True)
            raise
        return mine
    raise ValueError(_fault(lock) or f"{lock} is taken again and again by other runs; wanted one run at a time")


def _set_aside(lock: pathlib.Path) -> None:
    """Remove the file of a dead process. It is renamed first, so that only one of two processes that try succeeds."""
    dead = lock.with_name(f".{FILE}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        lock.replace(dead)
        if _fault(dead):  # in between, another process had taken it over
            dead.rename(lock)
        dead.unlink(missing_ok=True)


def _fault(lock: pathlib.Path) -> str:
    """Why the workdir cannot be taken; "" if it can."""
    folder = lock.parent
    try:
        holder = _read(lock)
        host, process, since = holder["host"], int(holder["process"]), holder["since"]
    except FileNotFoundError:
        return ""
    except (ValueError, TypeError, KeyError):
        return (
            f"{folder} may be in use: {lock} does not say by which process. Start again in a moment; where no run is"
            " going on, remove that file first"
        )
    here = f"{folder} is in use: process {process} on {host} trains there since {since}."
    if host != socket.gethostname():
        return (
            f"{here} Whether it is still alive cannot be asked from {socket.gethostname()}: choose another --workdir,"
            f" or wait for it; if it is gone, remove {lock} and start again"
        )
    if _is_alive(process) and _born(process) in ("", holder.get("born", "")):
        return f"{here} Wait for it, stop it (Ctrl-C or SIGTERM: it saves its state), or choose another --workdir"
    return ""


def _me() -> dict[str, Any]:
    now = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
    process = os.getpid()
    return {"process": process, "host": socket.gethostname(), "since": now, "born": _born(process)}


def _read(lock: pathlib.Path) -> dict[str, Any]:
    return json.loads(lock.read_text())


def _born(process: int) -> str:
    """When Linux started a process, which distinguishes it from a later one with the same number; elsewhere ""."""
    try:
        state, *fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # another system, or a process that only its user may see
        return ""
    return "ended" if state in "ZX" else fields[18]  # proc(5): starttime, field 22


def _is_alive(process: int) -> bool:
    if sys.platform == "win32":
        return _is_alive_on_windows(process)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _is_alive_on_windows(process: int) -> bool:
    import ctypes  # os.kill(process, 0) would send Ctrl-C there

    system = ctypes.WinDLL("kernel32", use_last_error=True)  # pyright: ignore[reportAttributeAccessIssue]
    handle = system.OpenProcess(0x100000, False, process)  # SYNCHRONIZE
    if not handle:
        return ctypes.get_last_error() == 5  # pyright: ignore[reportAttributeAccessIssue]  # access denied: it is there
    runs = system.WaitForSingleObject(handle, 0) == 258  # WAIT_TIMEOUT: it has not ended
    system.CloseHandle(handle)
    return runs
