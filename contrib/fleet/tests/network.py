"""Two hosts with a router between them, in network namespaces that are gone afterwards.

client 10.99.1.2 -- 10.99.1.1 router 10.99.2.1 -- 10.99.2.2 server
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

CLIENT, SERVER = "10.99.1.2", "10.99.2.2"
# A server that resets connections itself, and one in whose name the router does.
OWN_PORT, FIREWALLED_PORT = 7000, 7001
PATIENCE_S = 20

MIDDLE = f"""
table ip middle {{
    chain forward {{
        type filter hook forward priority 0
        ip daddr {SERVER} tcp dport {FIREWALLED_PORT} tcp flags & (psh|ack) == psh|ack reject with tcp reset
    }}
}}
"""
SERVE = """
import socket, struct, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    peer, _ = listener.accept()
    if peer.recv(100):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
"""
ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as peer:
    peer.settimeout(5)
    peer.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    try:
        print(len(peer.recv(100)))
    except ConnectionResetError:
        print("reset")
"""


def missing() -> str | None:
    """Why there can be no such network here."""
    if os.geteuid() != 0:
        return "namespaces take root"
    for tool in ("ip", "nft"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    if subprocess.run(["ip", "netns", "add", _name("probe")], capture_output=True, check=False).returncode:
        return "the kernel gives no network namespaces"
    _run("ip", "netns", "del", _name("probe"))
    return None


def _name(role: str) -> str:
    return f"rstscan-{os.getpid()}-{role}"


def _run(*words: str, text: str | None = None) -> str:
    done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


class Network:
    """The namespaces, by role: client, router, server."""

    def inside(self, role: str, *words: str, text: str | None = None) -> str:
        """What a command prints in a namespace."""
        return _run("ip", "netns", "exec", _name(role), *words, text=text)

    @contextmanager
    def running(self, role: str, *words: str, ready: str) -> Iterator[None]:
        """A program in a namespace, from the line that says it is ready until SIGTERM."""
        command = ["ip", "netns", "exec", _name(role), *words]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            assert child.stdout is not None
            told = next((line for line in child.stdout if ready in line), None)
            if told is None:
                raise AssertionError(f"{' '.join(words)}: ended with {child.wait()}")
            yield
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()

    def connect(self, port: int) -> str:
        """A connection from the client to the server: what became of it."""
        return self.inside("client", sys.executable, "-c", ASK, SERVER, str(port)).strip()


@contextmanager
def network() -> Iterator[Network]:
    """The network, until it is left."""
    made = Network()
    with ExitStack() as stack:
        for role in ("client", "router", "server"):
            _run("ip", "netns", "add", _name(role))
            stack.callback(_run, "ip", "netns", "del", _name(role))
            made.inside(role, "ip", "link", "set", "lo", "up")
        for number, role in enumerate(("client", "server"), 1):
            link = ["type", "veth", "peer", "name", f"to-{role}", "netns", _name("router")]
            made.inside(role, "ip", "link", "add", "eth0", *link)
            made.inside(role, "ip", "address", "add", f"10.99.{number}.2/24", "dev", "eth0")
            made.inside("router", "ip", "address", "add", f"10.99.{number}.1/24", "dev", f"to-{role}")
            made.inside(role, "ip", "link", "set", "eth0", "up")
            made.inside("router", "ip", "link", "set", f"to-{role}", "up")
            made.inside(role, "ip", "route", "add", "default", "via", f"10.99.{number}.1")
        made.inside("router", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        # It lets connections begin, and refuses what is said in them.
        made.inside("router", "nft", "-f", "-", text=MIDDLE)
        yield made


def record(rstscan: str, addresses: Path, folder: Path) -> dict[str, list[str]]:
    """The lines of two agents, and of their hosts' addresses, while two connections are reset."""
    with network() as hosts, ExitStack() as stack:
        for role in ("client", "server"):
            words = [rstscan, "-i", "eth0", "--json", "-l", "-o", str(folder / f"{role}.json")]
            stack.enter_context(hosts.running(role, *words, ready="listening on"))
        for port in (OWN_PORT, FIREWALLED_PORT):
            stack.enter_context(hosts.running("server", sys.executable, "-uc", SERVE, str(port), ready="ready"))
        for port in (OWN_PORT, FIREWALLED_PORT):
            became = hosts.connect(port)
            if became != "reset":
                raise AssertionError(f"port {port}: {became}")
        files = {role: folder / f"{role}.json" for role in ("client", "server")}
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and len(files["client"].read_text().splitlines()) < 2:  # noqa: PLR2004
            time.sleep(0.1)
        told = {role: hosts.inside(role, str(addresses)) for role in files}
    return {role: [*file.read_text().splitlines(), *told[role].splitlines()] for role, file in files.items()}
