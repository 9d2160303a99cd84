# tests/clients/connect.py: the common part of the examples: log in with a certificate, find the
# broker.
"""Plain slixmpp and plain XMPP: nothing here knows which server it talks to."""

import argparse
import asyncio
import logging
import os

import slixmpp


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("jid", help="who to be, e.g. sensor@grid.localhost")
    parser.add_argument("node", help="the topic, e.g. incidents")
    parser.add_argument(
        "--certs", required=True, metavar="DIR", help="folder with NAME.crt, NAME.key and ca.crt"
    )
    parser.add_argument(
        "--server", default="127.0.0.1:5222", metavar="HOST:PORT", help="default: %(default)s"
    )
    parser.add_argument("--debug", action="store_true", help="show every stanza")
    return parser


class GridClient(slixmpp.ClientXMPP):
    """Authenticates by SASL EXTERNAL with the certificate in a folder."""

    def __init__(self, options):
        super().__init__(options.jid, "", sasl_mech="EXTERNAL")
        logging.basicConfig(level=logging.DEBUG if options.debug else logging.CRITICAL)
        base = os.path.join(options.certs, self.boundjid.user)
        self.certfile, self.keyfile = base + ".crt", base + ".key"
        self.ca_certs = os.path.join(options.certs, "ca.crt")
        for path in (self.certfile, self.keyfile, self.ca_certs):
            if not os.access(path, os.R_OK):
                raise SystemExit(f"cannot read {path}")
        host, port = options.server.rsplit(":", 1)
        self.endpoint = (host.strip("[]"), int(port))
        self.default_port = self.endpoint[1]
        self.use_ipv6 = False
        for plugin in ("xep_0030", "xep_0060", "xep_0199"):
            self.register_plugin(plugin)

    async def log_in(self):
        outcome = asyncio.get_running_loop().create_future()

        def settle(value):
            if not outcome.done():
                outcome.set_result(value)

        self.add_event_handler("session_start", lambda _: settle(None))
        self.add_event_handler("failed_auth", lambda e: settle(f"{e['condition']}: {e['text']}"))
        self.add_event_handler("failed_all_auth", lambda _: settle("the certificate was refused"))
        self.add_event_handler("disconnected", lambda e: settle(f"the stream ended: {e}"))
        self.add_event_handler("connection_failed", lambda e: settle(f"no connection: {e}"))
        self.connect(self.endpoint)
        failure = await asyncio.wait_for(outcome, 30)
        if failure:
            raise SystemExit(failure)
        self.send_presence()

    async def find_broker(self):
        """RFC 8600 §5: the service among the domain's items whose identity is pubsub/service."""
        disco = self["xep_0030"]
        items = await disco.get_items(jid=self.boundjid.domain)
        for jid, _, _ in items["disco_items"]["items"]:
            info = await disco.get_info(jid=jid)
            identities = info["disco_info"]["identities"]
            if any(entry[:2] == ("pubsub", "service") for entry in identities):
                return jid
        raise SystemExit(f"{self.boundjid.domain} has no publish-subscribe service")


def run(main):
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
