# tests/integration/example_client.py: one example of tests/clients/ as a child process.
"""Arguments in, lines out, an exit code: the same for every library and language."""

import os
import queue
import subprocess
import threading
import time

SECONDS = 60   # a JVM on a busy machine compiles its program first


class ExampleClient:
    """`lines` is what it has printed so far; what it says on its standard error is kept, too."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            text=True,
            errors="replace",
        )
        self.lines, self.errors, self._unread = [], [], []
        self._said = queue.Queue()
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stdout, True), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, False), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, is_output):
        for line in stream:
            if is_output:
                self._said.put(line.rstrip("\n"))
            else:
                self.errors.append(line)
        if is_output:
            self._said.put(None)

    def _fail(self, why):
        told, errors = "\n".join(self.lines), "".join(self.errors)[-3000:]
        raise AssertionError(f"{why}\n--- printed\n{told}\n--- errors\n{errors}") from None

    def expect(self, *begins, seconds=SECONDS):
        """Waits for a line that is one of these, or begins with one and a blank. Each line is
        given once, in whatever order they are asked for."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self._unread:
                if any(line == begin or line.startswith(begin + " ") for begin in begins):
                    self._unread.remove(line)
                    return line
            try:
                line = self._said.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self._fail(f"no line {begins}")
            if line is None:
                self._said.put(None)
                self._fail(f"ended with {self.process.wait(5)} and no line {begins}")
            self.lines.append(line)
            self._unread.append(line)

    def finish(self, seconds=SECONDS):
        """Waits for its end, and for all that it printed; its exit code must be 0."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._fail("did not end")
        while (line := self._said.get(timeout=5)) is not None:
            self.lines.append(line)
        if code:
            self._fail(f"ended with {code}")

    def items(self):
        """The ids of the items that it printed, in order."""
        return [line.split()[1] for line in self.lines if line.startswith("item ")]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
