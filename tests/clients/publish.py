#!/usr/bin/python3
# tests/clients/publish.py: example provider: create a topic, let a reader in, publish an incident.
"""Publishes IODEF incidents (RFC 7970); creates the topic on first use."""

import asyncio
import datetime
import xml.etree.ElementTree as ET

from slixmpp.exceptions import IqError

from connect import GridClient, arguments, run

IODEF = "urn:ietf:params:xml:ns:iodef-2.0"


def incident(text):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    root = ET.Element(f"{{{IODEF}}}IODEF-Document", {"version": "2.00"})
    entry = ET.SubElement(root, f"{{{IODEF}}}Incident", {"purpose": "reporting"})
    name = {"name": "csirt.example.org"}
    ET.SubElement(entry, f"{{{IODEF}}}IncidentID", name).text = now
    ET.SubElement(entry, f"{{{IODEF}}}GenerationTime").text = now
    ET.SubElement(entry, f"{{{IODEF}}}Description").text = text
    contact = ET.SubElement(entry, f"{{{IODEF}}}Contact", {"role": "creator", "type": "person"})
    email = ET.SubElement(contact, f"{{{IODEF}}}Email")
    ET.SubElement(email, f"{{{IODEF}}}EmailTo").text = "contact@csirt.example.org"
    return root


async def create(client, broker, node):
    pubsub = client["xep_0060"]
    config = client["xep_0004"].make_form(ftype="submit")
    config.add_field(
        "FORM_TYPE", "hidden", value="http://jabber.org/protocol/pubsub#node_config"
    )
    config.add_field("pubsub#type", value=IODEF)
    try:
        await pubsub.create_node(broker, node, config=config)
        print(f"created {node}")
    except IqError as error:
        if error.condition != "conflict":
            raise SystemExit(f"cannot create {node}: {error.condition} {error.text}") from None


async def let_in(client, broker, node, reader):
    """Puts the reader on the topic's whitelist and waits until it has subscribed."""
    pubsub = client["xep_0060"]
    try:
        await pubsub.modify_affiliations(broker, node, affiliations=[(reader, "member")])
    except IqError as error:
        raise SystemExit(f"cannot let {reader} in: {error.condition} {error.text}") from None
    print(f"waiting for {reader} to subscribe", flush=True)
    for _ in range(60):
        answer = await pubsub.get_node_subscriptions(broker, node)
        readers = [entry["jid"].bare for entry in answer["pubsub_owner"]["subscriptions"]]
        if reader in readers:
            return
        await asyncio.sleep(0.5)
    print(f"{reader} has not subscribed; publishing all the same")


async def main():
    parser = arguments(__doc__)
    parser.add_argument("text", nargs="?", default="Many failed logins", help="what happened")
    parser.add_argument("--reader", metavar="JID", help="who may read the topic")
    options = parser.parse_args()
    client = GridClient(options)
    await client.log_in()
    broker = await client.find_broker()
    await create(client, broker, options.node)
    if options.reader:
        await let_in(client, broker, options.node, options.reader)
    try:
        answer = await client["xep_0060"].publish(
            broker, options.node, payload=incident(options.text)
        )
    except IqError as error:
        raise SystemExit(f"cannot publish: {error.condition} {error.text}") from None
    print(f"published {answer['pubsub']['publish']['item']['id']} on {options.node} at {broker}")
    await client.disconnect()


run(main)
