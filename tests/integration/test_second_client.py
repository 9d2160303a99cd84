# tests/integration/test_second_client.py: libstrophe, a stock client of another kind, in C.
"""tests/clients/strophe_subscribe.c logs in by EXTERNAL and subscribes; slixmpp publishes."""

import asyncio
import re
import unittest
import xml.etree.ElementTree as ET

import iodef
from gridd import BROKER, DOMAIN, Operated, binary
from policies import EVERYTHING
from stock import Client


class Strophe(unittest.IsolatedAsyncioTestCase):
    """The client is a program: arguments in, lines out, an exit code."""

    async def asyncSetUp(self):
        self.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"}).start()
        self.addCleanup(self.server.close)
        self.desk = self.server.authority.client(f"desk@{DOMAIN}")

    async def start_strophe(self, bundle, node, count):
        host, port = self.server.c2s
        return await asyncio.create_subprocess_exec(
            binary("strophe_subscribe"),
            *(bundle.cert, bundle.key, bundle.ca, host, str(port), BROKER, node, str(count)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    @staticmethod
    async def line(process, begin):
        while True:
            line = (await asyncio.wait_for(process.stdout.readline(), 15)).decode()
            assert line, "strophe_subscribe ended"
            if line.startswith(begin):
                return line

    async def test_libstrophe_logs_in_subscribes_and_receives(self):
        sensor = Client(self.server.authority.client(f"sensor@{DOMAIN}"))
        await sensor.login(self.server.c2s)
        await sensor["xep_0060"].create_node(BROKER, "incidents")
        await sensor["xep_0060"].modify_affiliations(
            BROKER, "incidents", affiliations=[(self.desk.jid, "member")]
        )
        process = await self.start_strophe(self.desk, "incidents", 2)
        try:
            self.assertRegex(
                await self.line(process, "online"), f"^online desk@{DOMAIN}/.+ secured=1"
            )
            answer = await self.line(process, "subscription")
            self.assertRegex(answer, 'subscription="subscribed"')
            # COMPAT(libstrophe, 0.12): it forgets the prefix of an attribute, that of xml:lang too.
            documents = [iodef.incident(n).replace(' xml:lang="en"', "") for n in (1, 2)]
            for number, document in enumerate(documents):
                await sensor["xep_0060"].publish(
                    BROKER, "incidents", id=f"s{number}", payload=ET.fromstring(document)
                )
            output = (await asyncio.wait_for(process.stdout.read(), 15)).decode()
            events = output.split("event <")[1:]
            self.assertEqual(len(events), 2)
            for number, (event, document) in enumerate(zip(events, documents)):
                self.assertIn(f'id="s{number}"', event)
                payload = re.search(r"<IODEF-Document.*</IODEF-Document>", event, re.DOTALL)
                self.assertEqual(iodef.canonical(payload.group()), iodef.canonical(document))
            self.assertEqual(await asyncio.wait_for(process.wait(), 15), 0)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await sensor.leave()

    async def test_libstrophe_with_a_bad_certificate_does_not_get_in(self):
        process = await self.start_strophe(
            self.server.authority.expired(self.desk.jid), "incidents", 1
        )
        output = (await asyncio.wait_for(process.stdout.read(), 30)).decode()
        self.assertNotIn("online", output)
        self.assertEqual(await process.wait(), 2)


if __name__ == "__main__":
    unittest.main()
