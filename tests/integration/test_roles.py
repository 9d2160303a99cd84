# tests/integration/test_roles.py: administrators, operators and auditors, at every interface.
"""Each role asks the running program for every operation of its description, by REST, and does its
part by gridctl and by ad-hoc command; what was revoked is over at once."""

import json
import os
import re
import time
import unittest

import console
from gridd import DOMAIN, ROOT
from policies import EVERYTHING
from talker import Talker

OPENAPI = os.path.join(ROOT, "controller", "rest", "openapi.json")
OF_OPERATORS = {("post", "/accounts/{jid}/approve"), ("post", "/accounts/{jid}/decline"),
                ("post", "/accounts/{jid}/disable"), ("post", "/sessions/end")}
QUESTIONS = {("post", "/policy/check"), ("post", "/policy/test"), ("post", "/policy/dry-run")}
SECONDS = 30
ROLES = ("member", "auditor", "operator", "administrator")
GROUPS = {"member": ["staff"], "auditor": ["auditors"], "operator": ["operators"]}
ADMIN_COMMANDS = "http://jabber.org/protocol/admin#"


def needed(method, path):
    if path == "/backups/{name}/archive":
        return "administrator"
    if method == "get" or (method, path) in QUESTIONS:
        return "auditor"
    return "operator" if (method, path) in OF_OPERATORS else "administrator"


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = console.Administered(EVERYTHING).start()
        cls.people = {"administrator": cls.server.admin}
        for role, groups in GROUPS.items():
            jid = f"{role}@{DOMAIN}"
            cls.server.rest("POST", "accounts", {"jid": jid, "groups": groups})
            cls.people[role] = cls.server.authority.client(jid)
            cls.server.log_in(role).socket.close()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def ask(self, role, method, path, body=None):
        return console.ask(self.server, method.upper(), "/api/v1" + path, self.people[role], body)

    def test_every_operation_and_every_role(self):
        with open(OPENAPI, encoding="utf-8") as file:
            paths = json.load(file)["paths"]
        asked = 0
        for path, operations in paths.items():
            if path == "/session":
                continue   # a sign-in is for whoever comes
            real = re.sub(r"\{[^}]*\}", f"nobody@{DOMAIN}", path)
            for method in operations:
                least = ROLES.index(needed(method, path))
                for rank, role in enumerate(ROLES):
                    if rank >= least and (role == "administrator" or method != "get"):
                        continue   # acts have tests of their own
                    if rank >= least and path == "/events":
                        continue   # the answer has no end (test_events.py)
                    answer = self.ask(role, method, real, None if method == "get" else {})
                    asked += 1
                    with self.subTest(f"{method} {path}", role=role):
                        if rank >= least:
                            self.assertNotEqual(answer.status, 403, answer.body)
                            continue
                        self.assertEqual(answer.status, 403, answer.body)
                        problem = answer.json()
                        self.assertEqual(problem["code"], "not-administrator")
                        self.assertEqual(problem["role"], needed(method, path))
                        self.assertIn(f"the role {needed(method, path)}", problem["detail"])
        self.assertGreater(asked, 150)
        for role, status in (("member", 403), ("auditor", 200), ("operator", 200)):
            answer = console.ask(self.server, "GET", "/metrics", self.people[role])
            self.assertEqual(answer.status, status, role)

    def test_gridctl_says_which_role_is_needed(self):
        done = self.server.gridctl("groups", "list", identity=self.people["auditor"])
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.server.gridctl(
            "accounts", "disable", f"member@{DOMAIN}", identity=self.people["auditor"]
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs the role operator", done.stderr)
        self.assertIn("this account has the role auditor", done.stderr)

    def test_attempts_beyond_a_role_are_on_record(self):
        """Each with its act and its target, whatever the interface."""
        admin = self.server.admin.jid
        command = "http://jabber.org/protocol/commands"
        session = Talker(self.server.c2s, DOMAIN).login(self.server.admin, "there")
        self.addCleanup(session.socket.close)
        session.presence()
        for path in (f"/accounts/{admin}/disable", f"/accounts/{admin}/decline"):
            self.assertEqual(self.ask("operator", "post", path, {}).status, 403)
        self.assertEqual(self.ask("operator", "post", "/sessions/end", {"jid": admin}).status, 403)
        self.assertEqual(self.ask("operator", "delete", f"/accounts/{admin}", {}).status, 403)
        operator = Talker(self.server.c2s, DOMAIN).login(self.people["operator"], "acts")
        self.addCleanup(operator.socket.close)
        operator.presence()
        for node in ("end-user-session", "disable-user"):
            answer = operator.ask(
                "set", f"<command xmlns='{command}' node='{ADMIN_COMMANDS}{node}'/>",
                f"controller.{DOMAIN}",
            )
            session = re.search("sessionid='([^']*)'", answer).group(1)
            answer = operator.ask(
                "set",
                f"<command xmlns='{command}' node='{ADMIN_COMMANDS}{node}' sessionid='{session}' "
                "action='complete'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
                "<value>http://jabber.org/protocol/admin</value></field><field var='accountjids'>"
                f"<value>{admin}</value></field></x></command>",
                f"controller.{DOMAIN}",
            )
            self.assertIn("<forbidden", answer)
        wanted = {"disable-accounts": 2, "decline-accounts": 1, "end-sessions": 2,
                  "delete-accounts": 1}
        deadline = time.monotonic() + SECONDS
        while True:
            counts = {}
            for one in self.server.admin_json(
                "audit", "--all", "--operation", "administration", "--decision", "deny"
            )["records"]:
                if one["actor"].startswith("operator@") and one["target"] == admin:
                    counts[one["detail"]] = counts.get(one["detail"], 0) + one["count"]
            if all(counts.get(act, 0) >= count for act, count in wanted.items()):
                return
            self.assertLess(time.monotonic(), deadline, counts)
            time.sleep(0.2)

    def test_an_operator_lets_in_and_shuts_out(self):
        jid = f"newcomer@{DOMAIN}"
        waiting = Talker(self.server.c2s, DOMAIN).login(self.server.authority.client(jid), "r")
        self.addCleanup(waiting.socket.close)
        waiting.send(
            f"<iq type='set' id='reg' to='controller.{DOMAIN}'><query xmlns='jabber:iq:register'/>"
            "</iq>"
        )
        waiting.expect(r"id='reg'[^>]*type='result'|type='result'[^>]*id='reg'")
        path = f"/accounts/{jid}/approve"
        self.assertEqual(self.ask("auditor", "post", path, {}).status, 403)
        roles = {"groups": ["auditors"]}
        self.assertEqual(self.ask("operator", "post", path, roles).status, 403)
        self.assertEqual(self.ask("operator", "post", path, {"groups": ["staff"]}).status, 200)
        self.assertEqual(self.ask("operator", "post", path, {"groups": ["other"]}).status, 403)
        self.assertEqual(
            self.ask("operator", "post", f"/accounts/admin@{DOMAIN}/disable", {}).status, 403
        )
        self.assertEqual(self.ask("operator", "post", f"/accounts/{jid}/disable", {}).status, 200)
        record = self.server.rest("GET", f"audit?account={jid}&operation=account-disable")
        self.assertEqual(record["records"][0]["actor"], f"operator@{DOMAIN}")

    def test_commands_are_listed_and_run_by_role(self):
        counts = {}
        for role in ROLES:
            client = Talker(self.server.c2s, DOMAIN).login(self.people[role], "commands")
            self.addCleanup(client.socket.close)
            client.send(
                f"<iq type='get' id='list' to='controller.{DOMAIN}'><query node='http://jabber.org/"
                "protocol/commands' xmlns='http://jabber.org/protocol/disco#items'/></iq>"
            )
            listed = client.expect(r"<iq[^>]*id='list'.*?</iq>").group()
            counts[role] = listed.count("<item ")
            self.assertEqual("disable-user" in listed, role in ("operator", "administrator"), role)
            self.assertEqual("delete-user" in listed, role == "administrator", role)
            client.send(
                f"<iq type='set' id='run' to='controller.{DOMAIN}'><command action='execute' node='"
                f"{ADMIN_COMMANDS}delete-user' xmlns='http://jabber.org/protocol/commands'/></iq>"
            )
            run = client.expect(r"<iq[^>]*id='run'.*?</iq>").group()
            self.assertEqual("type='error'" in run, role != "administrator", role)
            if role != "administrator":
                self.assertIn("needs the role administrator", run)
        self.assertLess(counts["member"], counts["auditor"])
        self.assertLess(counts["auditor"], counts["operator"])
        self.assertLess(counts["operator"], counts["administrator"])

    def test_what_was_revoked_stays_revoked(self):
        jid = f"leaver@{DOMAIN}"
        self.server.rest("POST", "accounts", {"jid": jid, "groups": ["auditors"]})
        self.people["leaver"] = self.server.authority.client(jid)
        stream = self.server.log_in("leaver")
        self.addCleanup(stream.socket.close)
        self.assertEqual(self.ask("leaver", "get", "/audit").status, 200)
        self.server.rest("PUT", f"accounts/{jid}/groups", {"groups": ["staff"]})
        self.assertEqual(self.ask("leaver", "get", "/audit").status, 403)
        stream.expect("<stream:error>|</stream:stream>")
        self.server.rest("PUT", f"accounts/{jid}/groups", {"groups": ["auditors"]})
        self.server.rest("POST", f"accounts/{jid}/disable")
        self.assertEqual(self.ask("leaver", "get", "/audit").status, 403)
        self.server.kill9()
        self.server.start()
        self.assertEqual(self.ask("leaver", "get", "/audit").status, 403)
        deadline = time.monotonic() + SECONDS
        while not (denied := self.server.rest(
                "GET", f"audit?account={jid}&operation=administration&decision=deny")["records"]):
            self.assertLess(time.monotonic(), deadline, "the refusal is not on record")
            time.sleep(0.2)
        self.assertIn("not in group auditors", denied[0]["rule"])


if __name__ == "__main__":
    unittest.main()
