"""Which captures there are, of which capture point each is, and how a worker gets at them.

A capture is a path that every worker can open (a shared or mounted file system), or the URI of an object store or
HDFS as pyarrow knows them (`s3://`, `gs://`, `hdfs://`, `file://`), which a worker copies to its own disk first.
"""

from __future__ import annotations

import fnmatch
import glob
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs

# Files that lie beside captures and are none.
NOT_CAPTURES = re.compile(r"(^[._]|\.(json|jsonl|txt|md5|sha256|idx|log|tmp|part)$)")


@dataclass(frozen=True, order=True)
class Capture:
    """A file of a capture point, as it was when it was listed: what changes with the file tells one from the other."""

    point: str
    path: str
    size: int
    modified_ns: int


def is_uri(path: str) -> bool:
    """Whether pyarrow has to fetch it."""
    return "://" in path


def point_of(path: str, pattern: re.Pattern[str] | None) -> str:
    """The capture point: group `point` of the pattern, or else the name of the folder that the file is in."""
    if pattern is None:
        return Path(path).parent.name
    found = pattern.search(path)
    if found is None:
        raise ValueError(f"{path}: the pattern of --point does not fit")
    return found["point"]


def listed(words: Iterable[str], pattern: re.Pattern[str] | None) -> list[Capture]:
    """All captures that the words name, each once: a file, a folder, a glob, or `@FILE`, a list of such words.

    A name without wildcard that is not there is kept, with a size of -1: that it is missing is a result.
    """
    found: dict[str, tuple[int, int]] = {}
    for path, size, modified in _stated(words):
        found.setdefault(path, (size, modified))
    return sorted(Capture(point_of(path, pattern), path, *stat) for path, stat in found.items())


def _stated(words: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    for word in words:
        if word.startswith("@"):
            lines = Path(word[1:]).read_text(encoding="utf-8").splitlines()
            yield from _stated(line for line in lines if line and not line.startswith("#"))
        elif is_uri(word):
            yield from _remote(word)
        else:
            yield from _local(word)


def _local(word: str) -> Iterator[tuple[str, int, int]]:
    paths = sorted(glob.glob(word, recursive=True)) if glob.has_magic(word) else [word]
    for name in paths:
        path = Path(name).absolute()
        if path.is_dir():
            inside = (each for each in sorted(path.rglob("*")) if each.is_file())
            for each in inside:
                if not NOT_CAPTURES.search(each.name):
                    yield str(each), each.stat().st_size, each.stat().st_mtime_ns
        elif not path.exists():
            yield str(path), -1, 0
        elif path.is_file() and not (glob.has_magic(word) and NOT_CAPTURES.search(path.name)):
            yield str(path), path.stat().st_size, path.stat().st_mtime_ns


def _remote(word: str) -> Iterator[tuple[str, int, int]]:
    scheme, rest = word.split("://", 1)
    fixed = rest[: rest.index("*")].rpartition("/")[0] if "*" in rest else rest
    system, base = fs.FileSystem.from_uri(f"{scheme}://{fixed}")
    info = system.get_file_info(base)
    if info.type == fs.FileType.File:
        files = [info]
    elif info.type == fs.FileType.Directory:
        files = system.get_file_info(fs.FileSelector(base, recursive=True))
    else:
        yield word, -1, 0
        return
    for each in files:
        # What pyarrow calls a path is what stands behind the fixed part of the URI, however the system names its root.
        uri = f"{scheme}://{fixed}{each.path[len(base) :]}"
        wanted = "*" not in rest or fnmatch.fnmatchcase(uri, word)
        if each.type == fs.FileType.File and wanted and not NOT_CAPTURES.search(each.base_name):
            yield uri, each.size, each.mtime_ns or 0


def fetch(uri: str, folder: Path) -> Path:
    """Copies what a URI names into a folder, under a name of its own."""
    system, path = fs.FileSystem.from_uri(uri)
    copy = folder / f"{len(list(folder.iterdir()))}-{Path(path).name}"
    with system.open_input_stream(path, compression=None) as source, copy.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return copy
