# tests/integration/breaks/program_member.py: an example of tests/clients/ as a client in the storm.
"""It is a process; what it prints says what it got."""

import asyncio
import os
import tempfile


class ProgramMember:
    """One account, subscribed to one topic; `receipts` has (session, item)."""

    def __init__(self, network, bundle, node, kind, command):
        self.kind, self.node = kind, node
        host, port = network.address
        self.command = [*command, host, str(port), bundle.jid, os.path.dirname(bundle.cert)]
        self.command.append(node)
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
        """The last that it printed on its standard error."""
        self.errors.seek(0)
        return self.errors.read()[-2000:].decode(errors="replace")

    def _on_line(self, what, *which):
        self.last = f"{what} after {self.session} sessions, {self.resumptions} resumptions"
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
