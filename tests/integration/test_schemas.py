# tests/integration/test_schemas.py: payloads checked against schemas, over real streams (S20, S53).
"""A stock client publishes; an administrator says by gridctl what it may publish."""

import asyncio
import os
import unittest
import xml.etree.ElementTree as ET

import iodef
from grid_protocol import GridCase, init_publish
from gridd import BROKER, CONTROLLER, DOMAIN

TOPIC = "incidents"
INCIDENT = "urn:xmpp:incident:2"

# The test's own, of the five elements that an incident must have and a few more.
IODEF = """<?xml version="1.0" encoding="UTF-8"?>
<!-- a part of RFC 7970's language -->
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{ns}"
           xmlns:i="{ns}" elementFormDefault="qualified">
  <xs:import namespace="http://www.w3.org/XML/1998/namespace"/>
  <xs:include schemaLocation="types.xsd"/>
  <xs:element name="IODEF-Document"><xs:complexType>
    <xs:sequence><xs:element ref="i:Incident" maxOccurs="unbounded"/></xs:sequence>
    <xs:attribute name="version" type="xs:string" fixed="2.00"/>
    <xs:attribute ref="xml:lang" use="required"/>
  </xs:complexType></xs:element>
  <xs:element name="Incident"><xs:complexType>
    <xs:sequence>
      <xs:element name="IncidentID"><xs:complexType><xs:simpleContent>
        <xs:extension base="xs:string"><xs:attribute name="name" use="required"/></xs:extension>
      </xs:simpleContent></xs:complexType></xs:element>
      <xs:element name="GenerationTime" type="xs:dateTime"/>
      <xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/>
    </xs:sequence>
    <xs:attribute name="purpose" type="i:purpose" use="required"/>
    <xs:attribute name="restriction" type="xs:string"/>
  </xs:complexType></xs:element>
</xs:schema>
""".format(ns=iodef.NAMESPACE)
TYPES = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{ns}">
  <xs:simpleType name="purpose"><xs:restriction base="xs:NMTOKEN">
    <xs:enumeration value="reporting"/><xs:enumeration value="mitigation"/>
  </xs:restriction></xs:simpleType>
</xs:schema>
""".format(ns=iodef.NAMESPACE)


class Schemas(GridCase):
    settings = {"controller.incident_topic": TOPIC}

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.sensor = await self.log_in("sensor")
        await init_publish(self.sensor, TOPIC)

    def file(self, name, text):
        path = os.path.join(self.server.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def store(self, mode="strict"):
        self.server.admin_ctl(
            "schemas", "put", self.file("iodef.xsd", IODEF), self.file("types.xsd", TYPES)
        )
        self.server.admin_ctl("topics", "schema", TOPIC, mode, "--schema", "iodef.xsd")

    async def publish(self, payload, client=None, node=TOPIC):
        await (client or self.sensor)["xep_0060"].publish(
            BROKER, node, payload=ET.fromstring(payload)
        )

    async def invalid(self, awaitable, *words):
        error = (await self.refused("bad-request", awaitable)).iq.xml
        self.assertIn(
            "{http://jabber.org/protocol/pubsub#errors}invalid-payload",
            [element.tag for element in error.iter()],
        )
        text = error.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text").text
        for word in words:
            self.assertIn(word, text)
        return text

    bad = staticmethod(lambda: iodef.incident().replace('"reporting"', '"gossip"'))

    async def test_s20_strict_takes_what_fits_and_tells_line_and_reason_of_the_rest(self):
        self.store()
        await self.publish(iodef.incident())
        await self.invalid(self.publish(self.bad()), "line 2: ", "purpose", "'gossip'")
        late = iodef.incident().replace("2026-01-02T09:18:00-05:00", "yesterday")
        await self.invalid(self.publish(late), "line 4: ", "'yesterday'", "xs:dateTime")
        foreign = f"<Note xmlns='{iodef.NAMESPACE}'/>"
        await self.invalid(self.publish(foreign), "line 1: ", "'Note'", iodef.NAMESPACE)
        # A whole report of XEP-0268 too.
        wrapped = f"<report xmlns='{INCIDENT}'>%s</report>"
        await self.invalid(self.sensor.send_iq(DOMAIN, "set", wrapped % self.bad()), "line 2: ")
        await self.sensor.send_iq(DOMAIN, "set", wrapped % iodef.incident())

    async def test_s20_lax_lets_pass_what_the_schema_does_not_know(self):
        self.store("lax")
        foreign = f"<Note xmlns='{iodef.NAMESPACE}'/>"
        await self.publish(foreign)
        await self.publish(iodef.incident())
        await self.invalid(self.publish(self.bad()), "line 2: ", "'gossip'")
        self.server.admin_ctl("topics", "schema", TOPIC, "strict")
        await self.invalid(self.publish(foreign), "'Note'")
        self.server.admin_ctl("topics", "schema", TOPIC, "off")
        await self.publish(self.bad())

    async def test_s20_an_administrator_sets_it_from_a_stock_client(self):
        self.store("off")
        admin = await self.log_in("admin")
        head = (
            "<command xmlns='http://jabber.org/protocol/commands' "
            "node='com.domain.gi.gcl.controller#topic-schema'"
        )
        fields = {"pubsub#node": TOPIC, "x-grid#validation": "strict",
                  "x-grid#schema_document": "iodef.xsd"}
        form = "".join(
            f"<field var='{var}'><value>{value}</value></field>" for var, value in fields.items()
        )

        async def fill(client):
            asked = (await client.send_iq(CONTROLLER, "set", head + "/>"))[0]
            offered = [value.text for value in asked.iter("{jabber:x:data}value")]
            self.assertIn("iodef.xsd", offered)
            return (await client.send_iq(
                CONTROLLER, "set",
                f"{head} sessionid='{asked.get('sessionid')}'>"
                f"<x xmlns='jabber:x:data' type='submit'>{form}</x></command>",
            ))[0].get("status")

        await self.refused("forbidden", fill(self.sensor))
        await self.publish(self.bad())
        self.assertEqual(await fill(admin), "completed")
        await self.invalid(self.publish(self.bad()), "line 2: ")

    async def test_s53_the_directory_tells_and_a_restart_keeps_it(self):
        self.store()
        shown = self.server.admin_json("topics", "show", TOPIC)
        self.assertEqual((shown["validation"], shown["validated_by"]), ("strict", "iodef.xsd"))
        info = await self.sensor["xep_0030"].get_info(jid=BROKER, node=TOPIC)
        fields = {
            field.get("var"): [value.text for value in field]
            for field in info.xml.iter("{jabber:x:data}field")
        }
        self.assertEqual(fields["x-grid#validation"], ["strict"])
        self.server.kill9()
        self.server.start()
        self.sensor = await self.log_in("sensor")
        await self.publish(iodef.incident())
        await self.invalid(self.publish(self.bad()), "line 2: ")
        self.assertEqual(
            self.server.admin_ctl("schemas", "show", "iodef.xsd"), IODEF
        )

    async def test_s53_a_schema_that_does_not_compile_is_refused_and_changes_nothing(self):
        self.store()
        broken = self.file("iodef.xsd", IODEF.replace("i:purpose", "i:nothing"))
        done = self.server.gridctl("schemas", "put", broken, identity=self.server.admin)
        self.assertEqual(done.returncode, 1)
        self.assertIn("iodef.xsd, line 20: ", done.stderr)
        other = self.file("other.xsd", IODEF.replace("types.xsd", "/etc/hostname"))
        done = self.server.gridctl("schemas", "put", other, identity=self.server.admin)
        self.assertIn("other.xsd, line 6: no stored document", done.stderr)
        for arguments in (
            ("schemas", "delete", "iodef.xsd"),
            ("schemas", "delete", "types.xsd"),
            ("topics", "schema", TOPIC, "strict", "--schema", "other.xsd"),
        ):
            done = self.server.gridctl(*arguments, identity=self.server.admin)
            self.assertNotEqual(done.returncode, 0, arguments)
        await self.publish(iodef.incident())
        await self.invalid(self.publish(self.bad()))

    async def test_s20_a_schema_is_replaced_while_clients_publish(self):
        self.store()
        stop = asyncio.Event()
        outcomes = []

        async def publish_on(client):
            while not stop.is_set():
                try:
                    await self.publish(iodef.incident(), client)
                    outcomes.append("taken")
                except Exception as error:   # told by its condition below
                    outcomes.append(error.condition)

        clients = [self.sensor, await self.log_in("probe"), await self.log_in("tap")]
        for client in clients[1:]:
            await init_publish(client, TOPIC)
        publishing = [asyncio.create_task(publish_on(client)) for client in clients]

        def store(old, new):
            return asyncio.to_thread(
                self.server.admin_ctl, "schemas", "put",
                self.file("iodef.xsd", IODEF.replace(old, new)),
            )

        # Each fits: nobody may see a change of schemas as an error.
        for _ in range(5):
            await store('"xs:string" fixed="2.00"', '"xs:token"')
            await store("", "")
        self.assertEqual(set(outcomes), {"taken"})
        before = len(outcomes)
        self.assertGreater(before, 10)
        # From its result on, the new one holds.
        await store('fixed="2.00"', 'fixed="1.00"')
        stop.set()
        await asyncio.gather(*publishing)
        await self.invalid(self.publish(iodef.incident()), "2.00")
        self.assertLessEqual(set(outcomes), {"taken", "bad-request"})


if __name__ == "__main__":
    unittest.main()
