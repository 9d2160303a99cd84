# tests/integration/strangers.py: crowds of connections that nobody knows.
"""Idle TCP connections from many loopback addresses, as many as are asked for and no more."""

import collections
import os
import resource
import selectors
import socket
import threading


def allow_many_files(count=8000):
    """For the test's own process; the server's limit is the server's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def limited(server, files):
    """Makes the server start with that limit of open files, soft and hard."""
    path = server.folder + "/limited"
    with open(path, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nulimit -n {files} && exec {server.program} "$@"\n')
    os.chmod(path, 0o755)
    server.program = path
    return server


class Crowd:
    """`size` connections at one time, made anew all the time from `sources`; ends after `total`."""

    def __init__(self, addresses, size, total, sources=None, first=b""):
        self.addresses = addresses
        self.size = size
        self.total = total
        self.first = first
        self.sources = sources or [f"127.0.0.{n}" for n in range(2, 10)]
        self.made = 0
        self.refused = 0
        self.is_full = threading.Event()
        self.ended = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        assert self.is_full.wait(60), "the crowd did not come together"
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join(60)

    def _connect(self, number):
        address = self.addresses[number % len(self.addresses)]
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        one = socket.socket(family, socket.SOCK_STREAM)
        try:
            one.bind((self.sources[number % len(self.sources)], 0))
            one.settimeout(10)
            one.connect(address)
            if self.first:
                one.sendall(self.first)
        except OSError:
            self.refused += 1
            one.close()
            return None
        return one

    def _run(self):
        held = collections.deque()
        try:
            while not self.ended and self.made < self.total:
                one = self._connect(self.made)
                self.made += 1
                if one is not None:
                    held.append(one)
                if len(held) > self.size:
                    held.popleft().close()
                if self.made >= self.size:
                    self.is_full.set()
            self.is_full.set()
            while not self.ended:
                threading.Event().wait(0.05)
        finally:
            self.is_full.set()
            for one in held:
                one.close()


def alive(sockets, seconds=5):
    """Those that the server has not closed, once nothing more happens to them."""
    selector = selectors.DefaultSelector()
    left = set(sockets)
    for one in sockets:
        one.setblocking(False)
        selector.register(one, selectors.EVENT_READ)
    while left:
        ready = selector.select(seconds)
        if not ready:
            break
        for key, _ in ready:
            try:
                data = key.fileobj.recv(4096)
            except OSError:
                data = b""
            if not data:
                selector.unregister(key.fileobj)
                left.discard(key.fileobj)
    selector.close()
    return left
