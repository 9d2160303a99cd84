#!/usr/bin/python3
# tests/clients/subscribe.py: example consumer: subscribe to a topic and print what arrives.
"""Waits for the topic to exist, subscribes, prints each item; --count N ends after N of them."""

import asyncio
import xml.etree.ElementTree as ET

from slixmpp.exceptions import IqError

from connect import GridClient, arguments, run

EVENT = "{http://jabber.org/protocol/pubsub#event}"
# The topic is not there yet, or its owner has not let us in yet.
WAIT_FOR = ("item-not-found", "not-allowed")


async def subscribe(client, broker, node):
    waited = False
    while True:
        try:
            answer = await client["xep_0060"].subscribe(broker, node)
            return answer["pubsub"]["subscription"]["subscription"]
        except IqError as error:
            if error.condition not in WAIT_FOR:
                raise SystemExit(f"cannot subscribe: {error.condition} {error.text}") from None
            if not waited:
                print(f"waiting for {node} ({error.condition})", flush=True)
            waited = True
            await asyncio.sleep(0.5)


async def main():
    parser = arguments(__doc__)
    parser.add_argument("--count", type=int, default=0, help="end after so many items")
    options = parser.parse_args()
    client = GridClient(options)
    seen = asyncio.Queue()
    client.add_event_handler("pubsub_publish", lambda message: seen.put_nowait(message.xml))
    await client.log_in()
    broker = await client.find_broker()
    state = await subscribe(client, broker, options.node)
    print(f"{client.boundjid}: {state} to {options.node} at {broker}", flush=True)
    count = 0
    while not options.count or count < options.count:
        message = await seen.get()
        for item in message.iterfind(f"{EVENT}event/{EVENT}items/{EVENT}item"):
            count += 1
            print(f"--- item {item.get('id')} from {item.get('publisher', 'unknown')}")
            print("".join(ET.tostring(child, encoding="unicode") for child in item), flush=True)
    await client.disconnect()


run(main)
