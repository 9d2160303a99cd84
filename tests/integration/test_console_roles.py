# tests/integration/test_console_roles.py: the console of an auditor and of an operator.
"""A page shows no button whose act the server would refuse. Labels of acts end with an ellipsis:
a question comes first."""

import glob
import os
import re
import time
import unittest

import browser
import console
from gridd import DOMAIN, MEMBERS, ROOT

FOLDER = os.path.join(ROOT, "controller", "console")
ACTS = os.path.join(ROOT, "controller", "roles", "acts.cpp")
PAGES = ("overview", "live", "accounts?state=pending", "accounts?state=enabled",
         "accounts?state=disabled", f"accounts/camera-3%40{DOMAIN}",
         f"accounts/probe-1%40{DOMAIN}", f"accounts/retired%40{DOMAIN}",
         f"accounts/admin%40{DOMAIN}", "topics", "topics/incidents%2Fssh", "policy", "sessions",
         "transfers", "audit", "health", "limits", "api", "manual")
OF_OPERATORS = {"Approve…", "Decline…", "Disable…", "End…"}
OF_ADMINISTRATORS = OF_OPERATORS | {
    "Add an account…", "Enable…", "Groups…", "Edit…", "Delete…", "Switch off…", "Save…",
    "Roll back…",
}
OF_CLUSTERS = {"Make it lead…", "Drain…", "Drain and stop…"} if MEMBERS > 1 else set()
SHOWN = """
    return [...document.querySelectorAll("#page button")]
        .filter((one) => one.offsetParent !== null).map((one) => one.innerText.trim());
"""


class Words(unittest.TestCase):
    def test_each_act_that_a_page_asks_for_is_in_the_table(self):
        with open(ACTS, encoding="utf-8") as file:
            acts = set(re.findall(r'ActRow\{Act::\w+, "([a-z-]+)"', file.read()))
        asked = set()
        for path in glob.glob(f"{FOLDER}/**/*.js", recursive=True):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            asked |= set(re.findall(r'\b(?:may|mayAbout|actButton|label)\(\s*"([a-z-]+)"', text))
        self.assertGreater(len(asked), 10)
        self.assertEqual(asked - acts, set())


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if what := browser.missing():
            raise unittest.SkipTest(f"there is no {what} (conf/install-deps --clients)")
        cls.server = console.Administered(console.POLICY, {
            "pubsub.access_open": "true", "limits.idle_seconds_max": "3600",
        }).start()
        cls.addClassCleanup(cls.server.close)
        cls.clients = console.fill(cls.server)
        cls.server.rest("PUT", "policy", {"text": console.POLICY + "# another version\n"})
        cls.people = {"administrator": cls.server.admin}
        for role, group in (("auditor", "auditors"), ("operator", "operators")):
            jid = f"the-{role}@{DOMAIN}"
            cls.server.rest("POST", "accounts", {"jid": jid, "groups": [group]})
            cls.people[role] = cls.server.authority.client(jid)
            # The one who reads has a session too: it is not an operator's to end.
            cls.clients.append(cls.server.log_in(f"the-{role}", "desk"))

    def shown(self, role):
        made = console.Console(self.server, self.people[role])
        self.addCleanup(made.close)
        return made

    def acts(self, shown):
        """Of all pages, the labels of acts; and of each page."""
        found = {}
        for page in PAGES:
            shown.open(page)
            shown.wait("return document.querySelector('#who').innerText !== ''")
            labels = {label for label in shown.driver.execute_script(SHOWN) if label.endswith("…")}
            found[page] = labels
        return set().union(*found.values()), found

    def test_an_auditor_sees_all_pages_and_no_act(self):
        shown = self.shown("auditor")
        every, by_page = self.acts(shown)
        self.assertEqual(every, set(), by_page)
        self.assertIn("auditor", shown.text("#who"))
        # Buttons that only ask are there.
        shown.open("policy")
        shown.press("Dry run")
        shown.expect("Rights that would be lost")
        shown.open("health")
        shown.press("Verify the chain")
        shown.expect("whole")
        shown.open("topics/incidents%2Fssh")
        shown.expect("ssh-7")
        shown.look(1440)
        shown.picture("auditor-topic-1440")

    def test_an_operator_sees_the_acts_that_are_his(self):
        shown = self.shown("operator")
        every, by_page = self.acts(shown)
        self.assertEqual(every, OF_OPERATORS, by_page)
        # Accounts with a role, and their sessions, are for administrators.
        self.assertEqual(by_page[f"accounts/admin%40{DOMAIN}"], set())
        shown.open("sessions")
        ends = shown.driver.execute_script(
            "return [...document.querySelectorAll('#page tbody tr')].map((row) =>"
            "  [row.innerText, row.querySelector('td.acts button') !== null])"
        )
        for text, has_end in ends:
            with self.subTest(text):
                self.assertEqual(has_end, f"the-auditor@{DOMAIN}" not in text
                                 and f"the-operator@{DOMAIN}" not in text)
        self.assertGreater(len(ends), 4)
        # The groups that he may give are those without a role.
        shown.open(f"accounts/camera-3%40{DOMAIN}")
        shown.press("Approve…")
        groups = shown.wait("const found = [...document.querySelectorAll('dialog [name=group]')];"
                            "return found.length ? found.map((one) => one.value) : null")
        self.assertIn("sensors", groups)
        self.assertEqual({"administrators", "operators", "auditors"} & set(groups), set())
        shown.answer("Approve")
        shown.expect("enabled")
        self.assertEqual(
            self.server.rest("GET", f"accounts/camera-3@{DOMAIN}")["state"], "enabled"
        )

    def test_an_administrator_sees_all(self):
        every, by_page = self.acts(self.shown("administrator"))
        self.assertEqual(every, OF_ADMINISTRATORS | OF_CLUSTERS, by_page)

    def test_a_new_role_changes_the_page_that_is_open(self):
        jid = f"riser@{DOMAIN}"
        self.server.rest("POST", "accounts", {"jid": jid, "groups": ["auditors"]})
        self.people["riser"] = self.server.authority.client(jid)
        self.server.log_in("riser").socket.close()
        shown = self.shown("riser")
        shown.open(f"accounts/probe-1%40{DOMAIN}")
        shown.expect("Rack 7")
        self.assertNotIn("Disable…", shown.driver.execute_script(SHOWN))
        self.server.rest("PUT", f"accounts/{jid}/groups", {"groups": ["operators"]})
        deadline = time.monotonic() + console.SECONDS
        while "Disable…" not in shown.driver.execute_script(SHOWN):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
