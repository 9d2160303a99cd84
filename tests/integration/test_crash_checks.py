# tests/integration/test_crash_checks.py: the checks of the crash rounds see what they are for.
"""Each breaks one promise in a small made-up history, and the check must say so; the same history
unbroken must pass."""

import unittest

from crash import verify
from crash.actors import Receipt, Subscription
from crash.ledger import NEVER, Failure, Ledger


class FakeReader:
    """As the checks see a reader."""

    name, habit, jid = "sub", "steady", "sub@x"

    def __init__(self, node, since):
        self.receipts = {node.name: []}
        subscription = self.subscriptions = {node.name: Subscription()}
        subscription[node.name].since = since
        self.log = []


class Checks(unittest.TestCase):
    """Times are whole numbers: publish k of a sender is sent at 10 k and known at 10 k + 5."""

    def setUp(self):
        self.ledger = Ledger()
        self.node = self.ledger.node("n", items_max=1000)

    def publish(self, sender="a", node=None, item_id=None):
        item = self.ledger.publish(sender, node or self.node, item_id)
        item.sent = item.key[1] * 10
        item.known = item.sent + 5
        return item

    def several(self, count, **what):
        return [self.publish(**what) for _ in range(count)]

    def breaks(self, words, check, *arguments):
        with self.assertRaises(Failure) as caught:
            check(*arguments)
        self.assertIn(words, str(caught.exception))

    # --- the store ---------------------------------------------------------------------------

    def test_a_whole_store_passes(self):
        verify.check_store(self.node, self.several(5))

    def test_an_acknowledged_item_is_missing(self):
        items = self.several(5)
        self.breaks("lost: a#2", verify.check_store, self.node, items[:2] + items[3:])

    def test_an_item_that_nobody_was_told_of_may_be_missing_but_not_come_back(self):
        items = self.several(5)
        items[4].known = NEVER
        verify.check_store(self.node, items[:4])
        self.breaks("is in the store again", verify.check_store, self.node, items)

    def test_what_was_known_later_makes_the_earlier_known(self):
        items = self.several(5)
        items[2].known = NEVER
        self.ledger.infer()
        self.breaks("lost: a#2", verify.check_store, self.node, items[:2] + items[3:])

    def test_an_item_is_there_twice(self):
        items = self.several(3)
        self.breaks("twice", verify.check_store, self.node, items + items[:1])

    def test_one_senders_items_are_out_of_order(self):
        a, b, c = self.several(3)
        self.breaks("comes after", verify.check_store, self.node, [a, c, b])

    def test_two_senders_items_are_out_of_order(self):
        first = self.publish("a")
        second = self.publish("b")
        verify.check_store(self.node, [second, first])   # at the same time: either order
        second.sent, second.known = 100, 105
        self.breaks("comes after", verify.check_store, self.node, [second, first])

    def test_a_refused_item_is_there(self):
        item = self.publish()
        item.refused = "forbidden"
        self.breaks("was refused", verify.check_store, self.node, [item])

    def test_a_retracted_item(self):
        items = self.several(3)
        items[1].retract = self.ledger.operation()
        verify.check_store(self.node, [items[0], items[2]])   # under way: it may be either
        items[1].is_gone = False
        verify.check_store(self.node, items)
        items[1].retract.happened()
        self.breaks("was retracted", verify.check_store, self.node, items)

    def test_a_purge_takes_what_was_there_and_nothing_later(self):
        items = self.several(4)
        wipe = self.ledger.operation()
        self.node.wipes.append(wipe)
        wipe.sent, wipe.known, wipe.ended = 17, 19, 19
        verify.check_store(self.node, items[2:])
        items[1].is_gone = False
        self.breaks("was purged", verify.check_present, self.node, items[1])
        self.breaks("lost: a#2", verify.check_store, self.node, items[3:])

    def test_an_overwritten_item(self):
        node = self.ledger.node("over", items_max=1000, is_shared_id=True)
        old, new = self.several(2, node=node, item_id="k")
        verify.check_store(node, [new])
        new.is_gone = old.is_gone = False
        self.breaks("lost: a#1", verify.check_store, node, [old])
        self.breaks("lost: a#0", verify.check_store, node, [])

    def test_a_trimmed_node(self):
        node = self.ledger.node("small", items_max=2)
        items = self.several(4, node=node)
        verify.check_store(node, items[2:])
        for item in items:
            item.is_gone = False
        self.breaks("3 items, 2 allowed", verify.check_store, node, items[1:])
        for item in items:
            item.is_gone = False
        self.breaks("lost: a#3", verify.check_store, node, items[1:3])

    # --- the readers -------------------------------------------------------------------------

    def reader(self, *receipts):
        """(item, session, crashes, is_delayed)…"""
        reader = FakeReader(self.node, since=-1)
        reader.receipts[self.node.name] = [Receipt(*receipt) for receipt in receipts]
        return reader

    def replay(self, received, late):
        """Items 0… are stored, the last is the marker; `late` is what came after the crash."""
        items = self.several(5)
        reader = self.reader(*[(items[i], 1, 0, False) for i in received],
                             *[(items[i], 2, 1, delayed) for i, delayed in late])
        before = {items[i] for i in received}
        return verify.check_replay(reader, self.node, items[:4], before, items[4])

    def test_replay_of_what_was_missed(self):
        self.assertEqual(self.replay([0, 1], [(2, True), (3, True), (4, False)]), 2)
        # Repeats do no harm after a crash.
        self.assertEqual(self.replay([0, 1], [(1, True), (2, True), (3, True), (4, False)]), 2)

    def test_replay_that_loses(self):
        self.breaks("never got 1 of 4", self.replay, [0, 1], [(3, True), (4, False)])

    def test_replay_after_the_live_item(self):
        self.breaks("after a live item", self.replay, [0, 1, 2], [(4, False), (3, True)])

    def test_replay_out_of_order(self):
        self.breaks("order", self.replay, [0, 1], [(3, True), (2, True), (4, False)])

    def test_replay_without_a_stamp(self):
        self.breaks("delay stamp", self.replay, [0, 1, 2], [(3, False), (4, False)])

    def test_no_marker(self):
        self.breaks("marker", self.replay, [0, 1, 2], [(3, True)])

    def test_twice_without_a_crash(self):
        item = self.publish()
        reader = self.reader((item, 1, 0, False), (item, 2, 0, True))
        self.breaks("twice", verify.check_receipts, reader)
        verify.check_receipts(self.reader((item, 1, 0, False), (item, 2, 1, True)))

    def test_told_of_what_was_refused(self):
        item = self.publish()
        item.refused = "forbidden"
        reader = self.reader((item, 1, 0, False))
        self.breaks("refused", verify.check_receipts, reader)

    def test_delivered_out_of_order(self):
        a, b = self.several(2)
        reader = self.reader((b, 1, 0, False), (a, 1, 0, False))
        self.breaks("comes after", verify.check_receipts, reader)


if __name__ == "__main__":
    unittest.main()
