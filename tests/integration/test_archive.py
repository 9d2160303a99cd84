# tests/integration/test_archive.py: archive queries over a real stream (XEP-0313, XEP-0442).
"""What max_items hides is kept, and comes as messages before the result, to who asked only."""

import re
import unittest

from gridd import BROKER, Evaluation
from topic import Topic

MAM = "urn:xmpp:mam:2"


class Archive(unittest.TestCase):
    def setUp(self):
        self.server = Evaluation().start()
        self.addCleanup(self.server.close)
        self.bundle = self.server.client("sensor")
        self.topic = Topic(self.server, self.bundle)
        self.addCleanup(self.topic.close)

    def query(self, inner="", topic=None):
        """Cursors and item ids of the messages, and the answer behind them."""
        topic = topic or self.topic
        self.assertEqual(topic.ping(), "ok")
        topic.raw.seen = ""
        query = f"<query xmlns='{MAM}' queryid='q' node='alerts'>{inner}</query>"
        number = topic.send("set", query)
        pattern = rf"^(.*?)<iq\b(?=[^>]*\bid='{number}')[^>]*>(.*?)</iq>"
        before, answer = topic.raw.expect(pattern).groups()
        messages = re.findall(r"<message\b.*?</forwarded></result></message>", before, re.DOTALL)
        self.assertEqual("".join(messages), before, "nothing but messages, whole, comes before")
        found = []
        for message in messages:
            self.assertIn(f"from='{BROKER}'", message.partition(">")[0])
            self.assertIn(f"to='{self.bundle.jid}/raw'", message.partition(">")[0])
            self.assertRegex(message, "queryid='q'")
            self.assertRegex(message, r"<delay xmlns='urn:xmpp:delay' stamp='20[^']*Z'/>")
            cursor = re.search(r"<result\b[^>]*\bid='([^']*)'", message).group(1)
            item = re.search(r"<item id='([^']*)'[^>]*><alert xmlns='urn:x:alert'>\1<", message)
            found.append((cursor, item.group(1)))
        return found, answer

    def test_hidden_items_are_there_page_by_page_and_after_a_restart(self):
        names = [f"i{number}" for number in range(7)]
        self.assertEqual(self.topic.create(max_items=2)[0], "ok")
        for name in names:
            self.assertEqual(self.topic.publish(name)[0], "ok")
        self.assertEqual(self.topic.items(), names[-2:])
        found, answer = self.query()
        self.assertEqual([item for _, item in found], names)
        self.assertRegex(answer, r"^<fin\b[^>]*complete='true'")
        self.assertIn(f"<last>{found[-1][0]}</last><count>7</count>", answer)

        rsm = "<set xmlns='http://jabber.org/protocol/rsm'><max>3</max>%s</set>"
        pages, after = [], ""
        for _ in range(3):
            page, answer = self.query(rsm % after)
            pages += [item for _, item in page]
            after = f"<after>{page[-1][0]}</after>"
        self.assertEqual(pages, names)
        self.assertRegex(answer, "complete='true'")
        flipped, _ = self.query(rsm % "<before/>" + "<flip-page/>")
        self.assertEqual([item for _, item in flipped], names[:-4:-1])

        self.server.kill9()
        self.server.start()
        again = Topic(self.server, self.bundle)
        self.addCleanup(again.close)
        self.assertEqual(self.query(topic=again)[0], found)

    def test_only_the_session_that_asked_gets_the_messages(self):
        other = Topic(self.server, self.bundle, resource="other")
        self.addCleanup(other.close)
        self.topic.create()
        self.topic.publish("a")
        self.assertEqual(other.ping(), "ok")
        self.assertEqual(len(self.query()[0]), 1)
        other.raw.seen = ""
        self.assertEqual(other.ping(), "ok")
        self.assertNotIn("<message", other.raw.seen)

    def test_who_may_not_retrieve_may_not_query(self):
        self.topic.create(access_model="whitelist")
        self.topic.publish("a")
        stranger = Topic(self.server, self.server.client("desk"))
        self.addCleanup(stranger.close)
        said, whole = stranger.ask("set", f"<query xmlns='{MAM}' node='alerts'/>")
        self.assertEqual(said, "not-allowed", whole)
        self.assertNotIn("<message", stranger.raw.seen)


if __name__ == "__main__":
    unittest.main()
