# tests/integration/relay.py: a TCP relay on loopback, between clients and the server, that breaks.
"""It runs on a thread of its own, so that tests without an event loop can use it too."""

import asyncio
import threading


class Relay:
    """Clients connect to `address`; each connection is passed on to the server's address."""

    def __init__(self, target):
        self.target = target
        self.address = None
        self.accepted = self.refused = 0
        self._is_down = False
        self._left = None
        self._may_pass = asyncio.Event()
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._listen())

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = self._server.sockets[0].getsockname()[:2]

    async def _accept(self, reader, writer):
        self.accepted += 1
        if self._is_down:
            self.refused += 1
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._writers |= pair
        await asyncio.gather(
            self._pump(reader, far_writer), self._pump(far_reader, writer, is_counted=True)
        )
        self._writers -= pair

    async def _pump(self, reader, writer, is_counted=False):
        try:
            while data := await reader.read(65536):
                if is_counted:
                    await self._count(len(data))
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def _count(self, size):
        while self._left is not None and self._left <= 0:
            self._may_pass.clear()
            await self._may_pass.wait()
        if self._left is not None:
            self._left -= size

    async def _allow(self, count):
        self._left = count
        self._may_pass.set()

    def allow(self, count=None):
        """So many bytes more go from the server to clients, and then none; None: all."""
        self._call(self._allow(count))

    async def _abort(self):
        for writer in self._writers:
            writer.transport.abort()

    def cut(self):
        """Ends every connection, and refuses new ones until `mend`."""
        self._is_down = True
        self._call(self._abort())

    def mend(self):
        self._is_down = False

    def close(self):
        self.cut()

        async def end():
            self._server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
