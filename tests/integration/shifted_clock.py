# tests/integration/shifted_clock.py: a server whose wall clock a test sets.
"""A preloaded library (tests/support/shifted_clock.c) moves the server's wall clock by what a file
says; the monotonic clock stays as it is, as on a machine whose clock is set."""

import os

from gridd import binary


class ShiftedClock:
    """Before the server's start. The clock is right until `set`."""

    def __init__(self, server):
        self.path = os.path.join(server.folder, "clock")
        self.set(0)
        starter = os.path.join(server.folder, "gridd-with-clock")
        with open(starter, "w", encoding="utf-8") as file:
            file.write(
                f"#!/bin/sh\nexport SHIFTED_CLOCK={self.path}\n"
                f"LD_PRELOAD={binary('libshifted_clock.so')} exec {binary('gridd')} \"$@\"\n"
            )
        os.chmod(starter, 0o700)
        server.program = starter

    def set(self, ahead):
        """So many seconds ahead of the machine's."""
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(f"{ahead}\n")
        os.rename(self.path + ".new", self.path)
