# tests/integration/test_at_once.py: bounds hold when several sessions or strangers ask at once.
import threading
import unittest

from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from stanzas import CLIENT, PUBSUB, Stanzas

SESSIONS = 20
BOUND = 5
CREATE = f"<pubsub xmlns='{PUBSUB}'><create node='{{}}'/></pubsub>"
SUBSCRIBE = f"<pubsub xmlns='{PUBSUB}'><subscribe node='{{}}' jid='{{}}'/></pubsub>"
PUBLISH = (
    f"<pubsub xmlns='{PUBSUB}'><publish node='urn:n{{}}'><item><a xmlns='urn:a'/></item>"
    "</publish></pubsub>"
)
SLOT = "<request xmlns='urn:xmpp:http:upload:0' filename='a' size='{}'/>"
BULK = f"bulk.{DOMAIN}"


class AtOnce(unittest.TestCase):
    settings = {
        "pubsub.nodes_per_account_max": BOUND,
        "pubsub.subscriptions_per_account_max": BOUND,
        "pubsub.personal.nodes_per_account_max": BOUND,
        "files.files_max": BOUND,
        "files.free_bytes_min": 1,
        "files.bytes_max": 1_000_000,
        "files.total_bytes_max": 1_000_000,
    }

    def setUp(self):
        policy = EVERYTHING + "allow any to bulk any\n"
        settings = {"accounts.auto_approve": "true"} | self.settings
        self.server = Operated(policy, settings).start()
        self.addCleanup(self.server.close)

    def log_in(self, name, sessions=SESSIONS):
        bundle = self.server.authority.client(f"{name}@{DOMAIN}")
        return [Stanzas(self.server, bundle, f"r{number}", None) for number in range(sessions)]

    def done(self, clients, kind, to, make):
        """Of the requests, one of each client, the number that had a result; the others are refused
        for want of room."""
        begin, results = threading.Barrier(len(clients)), []

        def ask(number, client):
            begin.wait()
            answer = client.request(kind, make(number), f" to='{to}'" if to else "")
            error = answer.find(CLIENT + "error")
            results.append("result" if error is None else error[0].tag.partition("}")[2])

        threads = [threading.Thread(target=ask, args=each) for each in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = set(results) - {"result"}
        self.assertLessEqual(refused, {"resource-constraint", "policy-violation"})
        self.assertEqual(len(results), len(clients))
        return results.count("result")

    def test_nodes_and_subscriptions(self):
        owner = self.log_in("owner", 4)
        made = self.done(self.log_in("many"), "set", BROKER, lambda n: CREATE.format(f"n{n}"))
        self.assertEqual(made, BOUND)
        for client, name in zip(owner, "abcd"):
            client.ok("set", f"<create node='{name}'/>")
        made = self.done(
            self.log_in("sub"), "set", BROKER,
            lambda n: SUBSCRIBE.format("abcd"[n % 4], f"sub@{DOMAIN}/r{n}"),
        )
        self.assertEqual(made, BOUND)

    def test_subscriptions_in_one_request_of_an_owner(self):
        owner, _ = self.log_in("owner", 1) + self.log_in("sub", 1)
        owner.ok("set", "<create node='a'/>")
        owner.pubsub("set", "<subscriptions node='a'>" + "".join(
            f"<subscription jid='sub@{DOMAIN}/r{number}' subscription='subscribed'/>"
            for number in range(2 * BOUND)
        ) + "</subscriptions>", owner=True)
        listed = owner.ok("get", "<subscriptions node='a'/>", owner=True)
        self.assertEqual(len(listed[0][0]), BOUND)

    def test_own_nodes(self):
        self.assertEqual(self.done(self.log_in("own"), "set", None, PUBLISH.format), BOUND)

    def test_files(self):
        made = self.done(self.log_in("a"), "get", BULK, lambda n: SLOT.format(9))
        self.assertEqual(made, BOUND)
        # 45 bytes are taken: of three accounts that each had room for four of this size, four fit.
        clients = self.log_in("b", 9) + self.log_in("c", 9) + self.log_in("d", 9)
        made = self.done(clients, "get", BULK, lambda n: SLOT.format(240_000))
        self.assertEqual(made, 4)


class FirstLogins(unittest.TestCase):
    def test_accounts(self):
        server = Operated(EVERYTHING, {
            "accounts.auto_approve": "true", "accounts.accounts_max": BOUND,
        }).start()
        self.addCleanup(server.close)
        strangers, begin, answers = [], threading.Barrier(SESSIONS), []
        for number in range(SESSIONS):
            stranger = Raw(server.c2s, DOMAIN)
            self.addCleanup(stranger.socket.close)
            stranger.starttls(server.authority.client(f"new{number}@{DOMAIN}"))
            stranger.open()
            strangers.append(stranger)

        def log_in(stranger):
            begin.wait()
            answers.append(stranger.authenticate())

        threads = [threading.Thread(target=log_in, args=(one,)) for one in strangers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        accounts = server.admin_json("accounts", "list")["accounts"]
        self.assertEqual(len(accounts), BOUND)   # the administrator's is one of them
        self.assertEqual(sum("<success" in one for one in answers), BOUND - 1)
        refused = [one for one in answers if "<success" not in one]
        self.assertEqual(len(refused), SESSIONS - BOUND + 1)
        for one in refused:
            self.assertIn("this grid takes no more accounts", one)


if __name__ == "__main__":
    unittest.main()
