# tests/integration/test_conditions.py: If-Match where several administrators write at one time.
"""Four changes with the same ETag are sent at once: one of them is done, and the others are told
that the thing has changed meanwhile."""

import concurrent.futures
import unittest

import console
from gridd import ADMIN, DOMAIN
from policies import EVERYTHING

AT_ONCE = 4
ROUNDS = 8


class AtOnce(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = console.Administered(EVERYTHING).start()
        cls.addClassCleanup(cls.server.close)
        for number in range(AT_ONCE):
            cls.server.rest("POST", "accounts", {"jid": f"a{number}@{DOMAIN}"})

    def ask(self, method, path, body=None, tag=None):
        headers = {"If-Match": tag} if tag else {}
        return console.ask(
            self.server, method, "/api/v1/" + path, self.server.admin, body, headers
        )

    def race(self, path, body_of, before=None):
        """`body_of(round, number)`: of each writer; `before`: what each round begins with."""
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
            for turn in range(ROUNDS):
                if before is not None:
                    tag = "*" if path == "administrators" else None
                    self.assertEqual(self.ask("PUT", path, before, tag).status, 200)
                tag = self.ask("GET", path).headers["ETag"]
                statuses = list(threads.map(
                    lambda number, turn=turn, tag=tag:
                        self.ask("PUT", path, body_of(turn, number), tag).status,
                    range(AT_ONCE),
                ))
                self.assertEqual(sorted(statuses), [200] + [412] * (AT_ONCE - 1), path)
                yield body_of(turn, statuses.index(200)), self.ask("GET", path).json()

    def test_settings(self):
        for wished, found in self.race("settings", lambda turn, number: {
                "auto_approve": turn % 2 == 0, "default_groups": [f"g{turn}-{number}"]}):
            self.assertEqual({name: found[name] for name in wished}, wished)

    def test_greetings(self):
        for name in ("motd", "welcome"):
            begin = {"text": "good morning"}
            for wished, found in self.race(
                    name, lambda turn, number: {"text": f"{turn}-{number}"}, begin):
                self.assertEqual(found[name]["text"], wished["text"])

    def test_administrators(self):
        for wished, found in self.race("administrators", lambda _, number: {
                "administrators": [ADMIN, f"a{number}@{DOMAIN}"]}, {"administrators": [ADMIN]}):
            self.assertEqual(sorted(found["administrators"]), sorted(wished["administrators"]))

    def test_what_a_client_has_is_not_sent_again(self):
        seen = self.ask("GET", "policy")
        tag = seen.headers["ETag"]
        for method in ("GET", "HEAD"):
            answer = console.ask(
                self.server, method, "/api/v1/policy", self.server.admin,
                headers={"If-None-Match": f'"other", W/{tag}'},
            )
            self.assertEqual((answer.status, answer.headers["ETag"]), (304, tag))
            self.assertEqual(answer.body, b"")
        text = seen.json()["text"] + "# another\n"
        self.assertEqual(self.ask("PUT", "policy", {"text": text}, "*").status, 200)
        answer = console.ask(
            self.server, "GET", "/api/v1/policy", self.server.admin,
            headers={"If-None-Match": tag},
        )
        self.assertEqual((answer.status, answer.json()["text"]), (200, text))


if __name__ == "__main__":
    unittest.main()
