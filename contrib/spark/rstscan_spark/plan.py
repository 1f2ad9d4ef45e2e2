"""Cuts the captures of each point into windows that workers can take on their own, with the same verdicts.

A verdict rests on what came before a reset, and on what came within the settle time after it. So a window has three
parts: files that are read for what they tell of connections (`warm_up`), files whose resets are reported (`files`),
and the beginning of what follows (`after`), whose own resets belong to the next window.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .inputs import Capture

NS = 1_000_000_000


@dataclass(frozen=True)
class Cut:
    """How archives are cut."""

    # A window is closed once its files hold so many bytes.
    window_bytes: int = 4 << 30
    # How far back its warm-up reaches: longer than connections are idle.
    warm_up_s: float = 3600.0
    # How far ahead `after` reaches: more than the 3 s that rstscan lets what follows count.
    after_s: float = 5.0
    # Into how many shards each window is cut: more than one where windows are too few for the cluster.
    shards: int = 1


@dataclass(frozen=True)
class Window:
    """Files of one point that are reported together.

    Its name is made of everything that its rows depend on: the three parts as they are, and the settings (cut, options,
    program). A window of the same name has the same rows; one whose files have changed has another name.
    """

    name: str
    settings: str
    point: str
    warm_up: tuple[Capture, ...]
    files: tuple[Capture, ...]
    after: tuple[Capture, ...]

    @classmethod
    def of(
        cls, settings: str, warm_up: Sequence[Capture], files: Sequence[Capture], after: Sequence[Capture]
    ) -> Window:
        """The window of these parts."""
        parts = (tuple(warm_up), tuple(files), tuple(after))
        digest = hashlib.sha256(repr((settings, parts)).encode())
        return cls(digest.hexdigest()[:20], settings, files[0].point, *parts)

    @classmethod
    def loaded(cls, kept: Mapping[str, Any]) -> Window:
        """A window as a manifest has it."""
        parts = (tuple(Capture(**each) for each in kept[part]) for part in ("warm_up", "files", "after"))
        return cls(kept["name"], kept["settings"], kept["point"], *parts)


@dataclass(frozen=True)
class Task:
    """What one worker does in one go."""

    window: Window
    shard: int
    shards: int


def windows(
    found: Iterable[tuple[Capture, int]], cut: Cut, settings: str, complete: Iterable[Window] = ()
) -> list[Window]:
    """The windows over captures with the times of their first frames, in nanoseconds.

    What is complete stays as it is, also where some of its files are gone by now: explaining it again could only tell
    less. Files that came later go into windows of their own, or into the last one, as long as that is not full.
    """
    points: dict[str, list[tuple[int, Capture]]] = {}
    for capture, first in found:
        points.setdefault(capture.point, []).append((first, capture))
    done = [window for window in complete if window.settings == settings]
    made: list[Window] = []
    for point in sorted(points):
        line = Line(sorted(points[point]), cut, settings)
        made.extend(line.windows([window for window in done if window.point == point]))
    return made


class Line:
    """The captures of a point in their order of time; a file ends where the next one begins."""

    def __init__(self, files: Sequence[tuple[int, Capture]], cut: Cut, settings: str) -> None:
        self.firsts = [first for first, _ in files]
        self.captures = [capture for _, capture in files]
        self.paths = {capture.path for capture in self.captures}
        self.cut = cut
        self.settings = settings

    def windows(self, complete: Iterable[Window]) -> Iterator[Window]:
        """All windows in their order."""
        stays = dict(each for window in complete for each in self._where(window))
        begin = 0
        while begin < len(self.captures):
            if begin in stays:
                window, files = stays[begin]
                yield window
                begin += files
            else:
                end = self._end(begin, stays)
                yield Window.of(self.settings, *self._parts(begin, end))
                begin = end

    def _end(self, begin: int, stays: Mapping[int, object]) -> int:
        end, size = begin, 0
        while end < len(self.captures) and end not in stays:
            size += self.captures[end].size
            if end > begin and size > self.cut.window_bytes:
                break
            end += 1
        return end

    def _parts(self, begin: int, end: int) -> tuple[list[Capture], list[Capture], list[Capture]]:
        reach = self.firsts[begin] - int(self.cut.warm_up_s * NS)
        # The file before the first one that begins late enough may end late enough.
        early = max(0, min(bisect_right(self.firsts, reach) - 1, begin))
        late = end
        while late < len(self.captures) and self.firsts[late] - self.firsts[end] <= int(self.cut.after_s * NS):
            late += 1
        return self.captures[early:begin], self.captures[begin:end], self.captures[end:late]

    def _where(self, window: Window) -> Iterator[tuple[int, tuple[Window, int]]]:
        """Where a complete window stands and how many files it still has there, if nothing came by that changes it."""
        left = [capture for capture in window.files if capture.path in self.paths]
        if not left or left[0] not in self.captures:
            return
        begin = self.captures.index(left[0])
        warm_up, files, after = self._parts(begin, min(begin + len(left), len(self.captures)))
        if files == left and tuple(after) == window.after and set(warm_up) <= {*window.warm_up, *window.files}:
            yield begin, (window, len(left))


def outlasting(complete: Iterable[Window], listed: Iterable[Capture]) -> list[Window]:
    """Complete windows of captures that are gone, or were not named this time: their rows stay."""
    paths = {capture.path for capture in listed}
    return [window for window in complete if paths.isdisjoint(capture.path for capture in window.files)]


def without_gone(listed: Iterable[Capture], complete: Iterable[Window]) -> list[Capture]:
    """The captures without those that are gone, but were explained when they were there."""
    explained = {capture.path for window in complete for capture in window.files if capture.size >= 0}
    return [capture for capture in listed if capture.size >= 0 or capture.path not in explained]


def tasks(planned: Iterable[Window], shards: int) -> list[Task]:
    """Every window, every shard of it."""
    return [Task(window, shard, shards) for window in planned for shard in range(1, shards + 1)]
