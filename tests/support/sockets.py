from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LISTENING = "0A"
LOOPBACK = {"tcp": "0100007F:", "tcp6": "00000000000000000000000001000000:"}


def listeners(pid: int) -> list[tuple[str, str]]:
    """Return the kind and address of each socket that a process listens on: none once it ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        inodes = sockets(pid)
        return [
            (kind, local)
            for kind in LOOPBACK
            for local, state, inode in connections(pid, kind)
            if state == LISTENING and inode in inodes
        ]
    return []


def sockets(pid: int) -> set[str]:
    """Return the inodes of the sockets that a process holds open."""
    names = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            names.append(link.readlink().name)
    return {name[len("socket:[") : -1] for name in names if name.startswith("socket:[")}


def connections(pid: int, kind: str) -> Iterator[tuple[str, str, str]]:
    """Give the local address, the state and the inode of each socket that a process can see."""
    for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
        _, local, _, state, _, _, _, _, _, inode, *_ = line.split()
        yield local, state, inode


def listeners_off_loopback(pid: int) -> list[tuple[str, str]]:
    """Return those that another machine could reach."""
    return [(kind, local) for kind, local in listeners(pid) if not local.startswith(LOOPBACK[kind])]


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread may have ended meanwhile
            found += [int(child) for child in (task / "children").read_text().split()]
    return found
