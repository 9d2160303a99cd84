# tests/integration/breaks/program_member.py: an example of tests/clients/ as a client in the storm.
"""It is a process; what it prints says what it got."""

import asyncio
import os
import tempfile
import time


class ProgramMember:
    """One account, subscribed to one topic; `receipts` has (session, item)."""

    def __init__(self, network, bundle, node, kind, command, record=None):
        """`record`: a folder, for a command that records itself into $RECORD."""
        self.kind, self.node = kind, node
        host, port = network.address
        self.command = [*command, host, str(port), bundle.jid, os.path.dirname(bundle.cert)]
        self.command.append(node)
        self.env = None
        if record:
            name = bundle.jid.partition("@")[0]
            self.env = {**os.environ, "RECORD": os.path.join(record, name)}
        self.errors = tempfile.TemporaryFile()
        self.receipts = []
        self.session = self.resumptions = 0
        self.acknowledged = []
        self.last = "nothing"
        self.is_online = asyncio.Event()
        self.is_subscribed = False

    async def live(self):
        process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=self.errors,
            env=self.env,
        )
        try:
            async for line in process.stdout:
                self._on_line(*line.decode().split())
            code = await process.wait()
            raise AssertionError(f"{self.kind} ended with {code}: {self.told()}")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            self.errors.close()

    def told(self):
        """The last that it printed."""
        self.errors.seek(0)
        return f"{self.last}; {self.errors.read()[-2000:].decode(errors='replace')}"

    def _on_line(self, what, *which):
        self.last = (
            f"{what} at {time.strftime('%T')} after {self.session} sessions, "
            f"{self.resumptions} resumptions"
        )
        if what == "item":
            self.receipts.append((self.session, which[0]))
        elif what == "published":
            self.acknowledged.append(which[0])
        elif what == "subscribed":
            self.is_subscribed = True
        elif what == "offline":
            self.is_online.clear()
        else:
            self.is_online.set()
            self.session += what == "online"
            self.resumptions += what == "resumed"
