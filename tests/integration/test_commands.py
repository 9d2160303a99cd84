# tests/integration/test_commands.py: administration with slixmpp's own XEP-0050, over real streams.
"""An administrator with a stock client, and a sensor that is governed by him."""

import asyncio
import os
import re
import unittest

from slixmpp.exceptions import IqError

from gridd import ADMIN, BROKER, CONTROLLER, DOMAIN, ROOT, Operated
from stock import Client
from stock_pubsub import alert

OWN = "com.domain.gi.gcl.controller#"
USERS = "http://jabber.org/protocol/admin#"
SENSOR = f"sensor@{DOMAIN}"
# The server tells a client that asks all the same why there is no such command.
REFUSED = {USERS + name for name in ("change-user-password", "edit-blacklist", "edit-whitelist")}
README = os.path.join(ROOT, "controller", "commands", "README.md")
REGISTER = "<query xmlns='jabber:iq:register'/>"
POLICY = "allow group sensors any any\nallow group everyone discover any\n"


def commands_of_readme():
    """The nodes in the first cells of the table that documents the commands."""
    with open(README, encoding="utf-8") as text:
        cells = [line.split("|")[1] for line in text if line.startswith("| `")]
    names = [name for cell in cells for name in re.findall("`([^`]+)`", cell)]
    return {OWN + name[1:] if name[0] == "#" else USERS + name.removeprefix("admin#")
            for name in names}


class Commands(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.server = Operated(POLICY).start()
        self.addCleanup(self.server.close)
        self.admin = await self.log_in(self.server.admin, "phone")
        self.bundle = self.server.authority.client(SENSOR)

    async def log_in(self, bundle, resource="test", presence=True):
        client = Client(bundle, resource)
        client.register_plugin("xep_0050")
        await client.login(self.server.c2s, presence=presence)
        self.addCleanup(client.drop)
        return client

    async def enabled_sensor(self):
        """Registered, approved by command into its group, logged in."""
        sensor = await self.log_in(self.bundle, presence=False)
        await sensor.send_iq(CONTROLLER, "set", REGISTER)
        await self.run_command(
            OWN + "account-approve", {"accountjids": [SENSOR], "x-grid#group": ["sensors"]}
        )
        sensor.send_presence()
        await sensor["xep_0030"].get_info(jid=CONTROLLER)    # behind its presence
        return sensor

    def submission(self, fields):
        form = self.admin["xep_0004"].make_form(ftype="submit")
        for name, values in fields.items():
            multi = "text-multi" if len(values) > 1 else None
            form.add_field(var=name, ftype=multi, value=values if multi else values[0])
        return form

    async def run_command(self, node, fields, client=None):
        """Execute, fill in, complete; the last answer."""
        adhoc = (client or self.admin)["xep_0050"]
        asked = await adhoc.send_command(CONTROLLER, node)
        self.assertEqual(asked["command"]["status"], "executing")
        done = await adhoc.send_command(
            CONTROLLER, node, action="complete", sessionid=asked["command"]["sessionid"],
            payload=self.submission(fields)
        )
        self.assertEqual(done["command"]["status"], "completed")
        return done["command"]

    async def result(self, node, client=None):
        answer = await (client or self.admin)["xep_0050"].send_command(CONTROLLER, node)
        self.assertEqual(answer["command"]["status"], "completed")
        return answer["command"]["form"]

    async def result_of_form(self, node):
        """The values that a form begins with."""
        answer = await self.admin["xep_0050"].send_command(CONTROLLER, node)
        self.assertEqual(answer["command"]["status"], "executing")
        return answer["command"]["form"]

    async def refused(self, condition, awaited):
        with self.assertRaises(IqError) as caught:
            await awaited
        self.assertEqual(caught.exception.condition, condition)

    async def test_s38_s39_an_account_is_approved_and_moved_between_groups(self):
        sensor = await self.enabled_sensor()
        await sensor["xep_0060"].create_node(BROKER, "alerts")
        ended = sensor.disconnected
        await self.run_command(
            OWN + "account-group", {"accountjid": [SENSOR], "x-grid#group": ["others"]}
        )
        await asyncio.wait_for(ended, 10)
        self.assertIn("reset", sensor.stream_errors)
        again = await self.log_in(self.bundle)
        await self.refused("forbidden", again["xep_0060"].create_node(BROKER, "more"))
        mine = await self.result(OWN + "my-account", again)
        self.assertEqual(mine.field["x-grid#group"]["value"], "others")

    async def test_s82_accounts_are_disabled_ended_enabled_and_deleted(self):
        sensor = await self.enabled_sensor()
        ended = sensor.disconnected
        await self.run_command(USERS + "end-user-session", {"accountjids": [SENSOR + "/test"]})
        await asyncio.wait_for(ended, 10)
        self.assertIn("policy-violation", sensor.stream_errors)
        sensor = await self.log_in(self.bundle)
        ended = sensor.disconnected
        await self.run_command(USERS + "disable-user", {"accountjids": [SENSOR]})
        await asyncio.wait_for(ended, 10)
        with self.assertRaises(Exception):
            await self.log_in(self.bundle)
        disabled = await self.result(USERS + "get-disabled-users-list")
        self.assertEqual(disabled.field["disableduserjids"]["value"], [SENSOR])
        await self.run_command(USERS + "reenable-user", {"accountjids": [SENSOR]})
        back = await self.log_in(self.bundle)
        await self.result(OWN + "my-account", back)   # the client's presence was taken before this
        online = await self.result(USERS + "get-online-users-num")
        self.assertEqual(online.field["onlineusersnum"]["value"], "2")
        await self.run_command(USERS + "delete-user", {"accountjids": [SENSOR]})
        registered = await self.result(USERS + "get-registered-users-list")
        self.assertEqual(registered.field["registereduserjids"]["value"], [ADMIN])

    async def test_s82_topics_are_disabled_and_enabled(self):
        sensor = await self.enabled_sensor()
        await sensor["xep_0060"].create_node(BROKER, "alerts")
        await self.run_command(OWN + "topic-disable", {"pubsub#node": ["alerts"]})
        publish = sensor["xep_0060"].publish
        await self.refused("not-allowed", publish(BROKER, "alerts", payload=alert()))
        await self.refused("not-allowed", sensor["xep_0060"].subscribe(BROKER, "alerts"))
        self.server.kill9()
        self.server.start()
        sensor.drop()
        self.admin.drop()
        sensor = await self.log_in(self.bundle)
        self.admin = await self.log_in(self.server.admin, "phone")
        publish = sensor["xep_0060"].publish
        await self.refused("not-allowed", publish(BROKER, "alerts", payload=alert()))
        await self.run_command(OWN + "topic-enable", {"pubsub#node": ["alerts"]})
        await publish(BROKER, "alerts", payload=alert())

    async def test_s12_commands_are_for_administrators(self):
        sensor = await self.enabled_sensor()
        adhoc = self.admin["xep_0050"]
        listed = await adhoc.get_commands(CONTROLLER)
        nodes = {node for _, node, _ in listed["disco_items"]["items"]}
        # A command that is refused in any case is not listed.
        self.assertEqual(nodes, commands_of_readme() - REFUSED)
        for node in nodes - {OWN + "my-account", OWN + "is-authorized"}:
            await self.refused("forbidden", sensor["xep_0050"].send_command(CONTROLLER, node))
        seen = await sensor["xep_0050"].get_commands(CONTROLLER)
        self.assertEqual(
            {node for _, node, _ in seen["disco_items"]["items"]},
            {OWN + "my-account", OWN + "is-authorized"},
        )

    async def test_s74_a_policy_is_seen_before_it_is_in_force(self):
        sensor = await self.enabled_sensor()
        adhoc = self.admin["xep_0050"]
        asked = await adhoc.send_command(CONTROLLER, OWN + "policy-set")
        session = asked["command"]["sessionid"]
        rules = self.submission({"x-grid#policy": ["deny any any any", "# nothing goes"]})
        shown = await adhoc.send_command(
            CONTROLLER, OWN + "policy-set", action="next", sessionid=session, payload=rules
        )
        self.assertEqual(shown["command"]["status"], "executing")
        await sensor["xep_0060"].create_node(BROKER, "alerts")   # not yet
        done = await adhoc.send_command(
            CONTROLLER, OWN + "policy-set", action="complete", sessionid=session,
            payload=self.submission({"FORM_TYPE": [OWN + "policy-set"]})
        )
        self.assertEqual(done["command"]["status"], "completed")
        await self.refused("forbidden", sensor["xep_0060"].create_node(BROKER, "more"))
        self.assertIn("deny any", self.server.admin_ctl("policy", "show"))

    async def test_xep_0133_an_announcement_reaches_who_is_online(self):
        sensor = await self.enabled_sensor()
        while not sensor.messages.empty():
            sensor.messages.get_nowait()
        await self.run_command(USERS + "announce", {"announcement": ["Down at noon.", "Bye."]})
        message = await sensor.next_message()
        while message.find("{jabber:client}body") is None:
            message = await sensor.next_message()
        self.assertEqual(message.find("{jabber:client}body").text, "Down at noon.\nBye.")
        self.assertEqual(message.get("from"), CONTROLLER)

    async def test_s82_gridctl_does_the_same_acts(self):
        sensor = await self.enabled_sensor()
        await sensor["xep_0060"].create_node(BROKER, "alerts/a b")
        ctl = self.server.admin_ctl
        ctl("settings", "set", "--auto-approve", "on", "--group", "newcomers")
        settings = await self.result_of_form(OWN + "settings")
        self.assertIs(settings.field["x-grid#auto-approve"]["value"], True)
        desk = await self.log_in(self.server.authority.client(f"desk@{DOMAIN}"))
        mine = await self.result(OWN + "my-account", desk)
        self.assertEqual(mine.field["x-grid#group"]["value"], "newcomers")
        ctl("announce", "Down at noon.", "--subject", "Maintenance")
        message = await desk.next_message()
        while message.find("{jabber:client}body") is None:
            message = await desk.next_message()
        self.assertEqual(message.find("{jabber:client}subject").text, "Maintenance")
        ctl("topics", "delete", "alerts/a b")
        ended = sensor.disconnected
        await self.refused("item-not-found", sensor["xep_0060"].get_items(BROKER, "alerts/a b"))
        ctl("sessions", "end", SENSOR)
        await asyncio.wait_for(ended, 10)
        self.assertEqual(self.server.gridctl(
            "sessions", "end", SENSOR, identity=self.server.admin).returncode, 4)
        acts = {record["operation"] for record in self.server.admin_json(
            "audit", "--account", ADMIN, "--all")["records"]}
        self.assertLessEqual(
            {"settings", "announce", "topic-delete", "end-session", "account-approve"}, acts
        )

    async def test_s41_my_account_before_there_is_one(self):
        stranger = await self.log_in(self.bundle, presence=False)
        mine = await self.result(OWN + "my-account", stranger)
        self.assertEqual(mine.field["x-grid#state"]["value"], "init")
        await self.refused(
            "registration-required", stranger["xep_0050"].send_command(CONTROLLER, OWN + "stats")
        )

    async def test_s49_is_authorized_by_command(self):
        sensor = await self.enabled_sensor()
        await sensor["xep_0060"].create_node(BROKER, "Session-1.0")
        form = {"identity": [ADMIN], "service": ["Session-1.0"], "operation": ["query"]}
        done = await self.run_command(OWN + "is-authorized", form, sensor)
        self.assertIn(done["form"].field["x-grid#authorized"]["value"], (False, True))
        await self.refused("forbidden", self.run_command(OWN + "is-authorized", form))

    async def test_xep_0050_slixmpps_own_dialog_runs_a_command(self):
        """The library's state machine: start_command, complete_command."""
        done = asyncio.get_running_loop().create_future()

        def fill(iq, session):
            session["payload"] = self.submission(
                {"accountjid": [f"new@{DOMAIN}"], "x-grid#group": ["sensors"]}
            )
            session["next"] = None
            self.admin["xep_0050"].complete_command(session)

        def ended(iq, session):
            done.set_result(iq)

        session = {"next": fill, "error": ended}
        self.admin["xep_0050"].start_command(CONTROLLER, USERS + "add-user", session)
        for _ in range(100):
            if f"new@{DOMAIN}" in self.server.admin_ctl("accounts", "list"):
                break
            await asyncio.sleep(0.1)
        account = self.server.admin_json("accounts", "show", f"new@{DOMAIN}")
        self.assertEqual((account["state"], account["groups"]), ("enabled", ["sensors"]))


if __name__ == "__main__":
    unittest.main()
