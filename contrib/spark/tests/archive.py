"""An archive to test with: made captures, cut at several times as a capture that is rotated is."""

from __future__ import annotations

import json
import re
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path


def generate(program: str, file: Path, seed: int) -> Path:
    """A capture of about a minute and a half, with resets of all kinds; the same for the same seed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    amount = ["--frames", "90000", "--connections", "2250", "--open", "3", "--seed", str(seed)]
    subprocess.run([program, "--kind", "a", *amount, str(file)], check=True, stdout=subprocess.DEVNULL)
    return file


def cut(capture: Path, folder: Path, parts: int) -> list[Path]:
    """The same frames in so many files, one after the other in time, each as long as the others."""
    content = capture.read_bytes()
    records = list(_records(content))
    (first, _, _), (last, _, _) = records[0], records[-1]
    folder.mkdir(parents=True, exist_ok=True)
    pieces: list[list[bytes]] = [[] for _ in range(parts)]
    for time, begin, end in records:
        part = min(parts - 1, (time - first) * parts // (last - first + 1))
        pieces[part].append(content[begin:end])
    files = []
    for number, piece in enumerate(pieces):
        file = folder / f"{number:03}.pcap"
        file.write_bytes(content[:24] + b"".join(piece))
        files.append(file)
    return files


def _records(content: bytes) -> Iterable[tuple[int, int, int]]:
    """The records of a little-endian pcap file: time in its smallest units, begin, end."""
    (magic,) = struct.unpack_from("<I", content)
    unit = {0xA1B2C3D4: 1_000_000, 0xA1B23C4D: 1_000_000_000}[magic]
    at = 24
    while at < len(content):
        seconds, fraction, length, _ = struct.unpack_from("<IIII", content, at)
        yield seconds * unit + fraction, at, at + 16 + length
        at += 16 + length


def one_pass(program: str, files: Iterable[Path]) -> list[str]:
    """The resets that one run over all files of a point finds, sorted."""
    words = [word for file in files for word in ("-r", str(file))]
    done = subprocess.run([program, "--json", "-qq", *words], capture_output=True, text=True, check=False)
    return sorted(line for line in done.stdout.splitlines() if json.loads(line)["type"] == "reset")


def conclusion(command: list[str]) -> tuple[int, list[str], dict[str, object]]:
    """The exit status of a command of rstscan, the patterns that it prints, and its counts of resets."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    summary = json.loads(lines[-1])
    counted = ("resets", "events", "by_class", "by_cause", "frames", "segments", "first", "last")
    patterns = [line for line in lines if json.loads(line)["type"] == "pattern"]
    return done.returncode, patterns, {key: summary[key] for key in counted}


def without_stream(lines: Iterable[str]) -> list[str]:
    """Lines without the number that Wireshark gives a connection: it is that of the files of a window alone."""
    return sorted(re.sub(r'"stream":\d+,', "", line) for line in lines)
