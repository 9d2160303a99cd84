# tests/integration/crash/ledger.py: the ledger: items and operations sent, answered and seen, with
# times, as clients know them.
"""Times are those of the clients: `sent` before the bytes leave, `known` when an answer or a
notification has come. So what was known before something else was sent did happen before it."""

import itertools
import re
import time

NAMESPACE = "urn:gridd:crash"
PAYLOAD = re.compile(r"<n xmlns='urn:gridd:crash' p='([^']*)' s='(\d+)'>([a-z]*)</n>")
NEVER = float("inf")


def now():
    return time.monotonic()


class Failure(AssertionError):
    """Something that must not be; the text says what was expected."""


class Node:
    """What the story knows of a node that all share."""

    def __init__(self, name, *, persists=True, items_max=None, refusals=(), is_shared_id=False):
        self.name, self.persists, self.items_max = name, persists, items_max
        self.refusals = refusals          # errors that publishers must expect here
        self.is_shared_id = is_shared_id    # items overwrite one another
        self.items = []
        self.wipes = []                   # purged, or deleted and made again


class Item:
    """One publish."""

    __slots__ = ("key", "node", "id", "sent", "known", "refused", "retract", "is_gone")

    def __init__(self, key, node, item_id):
        self.key, self.node, self.id = key, node, item_id
        self.sent, self.known, self.refused = now(), NEVER, None
        self.retract = None     # the operation that takes it back
        self.is_gone = False    # was not in the store when we looked

    def seen(self):
        self.known = min(self.known, now())

    def __str__(self):
        return f"{self.key[0]}#{self.key[1]} (id {self.id} in {self.node.name})"


class Operation:
    """A retract, purge or deletion: when it was sent, when it had surely happened (if it did), and
    when it had surely ended either way."""

    __slots__ = ("sent", "known", "ended")

    def __init__(self):
        self.sent, self.known, self.ended = now(), NEVER, NEVER

    def happened(self):
        self.known = self.ended = now()


def before(first, second):
    """Whether the first was surely committed before the second."""
    if first.key[0] == second.key[0]:
        return first.key[1] < second.key[1]
    return first.known < second.sent


def padding(key):
    """The text of an item follows from its key, so that damage shows."""
    number = sum(key[0].encode()) + key[1] * 7919
    size = 12_000 if number % 11 == 0 else 1 + number % 600
    return chr(97 + number % 26) * size


def payload(key):
    return f"<n xmlns='{NAMESPACE}' p='{key[0]}' s='{key[1]}'>{padding(key)}</n>"


class Ledger:
    """All items by (publisher, number), over all rounds."""

    def __init__(self):
        self.items = {}
        self.nodes = {}
        self.numbers = {}
        self.operations = []    # with an open outcome

    def node(self, name, **what):
        self.nodes[name] = Node(name, **what)
        return self.nodes[name]

    def publish(self, publisher, node, item_id=None):
        number = next(self.numbers.setdefault(publisher, itertools.count()))
        item = Item((publisher, number), node, item_id or f"{publisher}-{number}")
        self.items[item.key] = item
        node.items.append(item)
        return item

    def operation(self):
        made = Operation()
        self.operations.append(made)
        return made

    def crashed(self):
        """Whatever was under way has happened by now, or never will."""
        for operation in self.operations:
            operation.ended = min(operation.ended, now())
        self.operations = []

    def find(self, text):
        """The item that a notification or an answer shows, whole."""
        match = PAYLOAD.search(text)
        if not match:
            raise Failure("an item without the payload that was published: " + text[:300])
        key = (match.group(1), int(match.group(2)))
        item = self.items.get(key)
        if item is None:
            raise Failure(f"an item that nobody published: {key}")
        if match.group(3) != padding(key):
            raise Failure(f"a damaged payload of {item}")
        return item

    def infer(self):
        """One sender's publishes are committed in the order in which they were sent: where a later
        one is known, the earlier ones are."""
        last = {}
        for key in sorted(self.items, reverse=True):
            item = self.items[key]
            if item.refused or item.node.refusals or not item.node.persists:
                continue
            if item.known != NEVER:
                last.setdefault(key[0], item)
            elif key[0] in last:
                item.known = last[key[0]].known
