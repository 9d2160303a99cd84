# tests/integration/crash/changer.py: creates, configures, affiliates, deletes, pipelined.
"""One changer's requests are carried out in order, so what is in the store after a crash must be
what one of its prefixes leaves: one that is not shorter than what was acknowledged."""

import copy
import re

from .ledger import Failure
from .wire import Wire

SLOTS = 4
GUESTS = tuple(f"guest{number}" for number in range(5))
ITEMS = "http://jabber.org/protocol/disco#items"
ENTRY = re.compile(r"<item\b([^>]*?)/?>")
READERS = ("member", "publisher")
AFFILIATIONS = ("member", "publisher", "publish-only", "outcast", "none")
FORM = (
    "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
    "http://jabber.org/protocol/pubsub#node_config</value></field>{}</x>"
)
FIELD = re.compile(r"<field\b[^>]*?\bvar='([^']*)'[^>]*?(?:/>|>(.*?)</field>)", re.DOTALL)
VALUE = re.compile(r"<value>(.*?)</value>", re.DOTALL)
AFFILIATION = re.compile(r"<affiliation\b([^>]*)/>")
SUBSCRIPTION = re.compile(r"<subscription\b([^>]*?)/?>")
ATTRIBUTE = re.compile(r"([a-z]+)='([^']*)'")


def field(name, value):
    return f"<field var='pubsub#{name}'><value>{value}</value></field>"


def form(**fields):
    return FORM.format("".join(field(name, value) for name, value in fields.items()))


def toggle(jids, jid):
    """In or out; whether it is in now."""
    if jid in jids:
        jids.remove(jid)
        return False
    jids.append(jid)
    jids.sort()
    return True


class Changer:
    """`states[k]` is the world after k of its requests."""

    def __init__(self, story, name, owns_shared):
        self.story, self.name, self.owns_shared = story, name, owns_shared
        self.bundle = story.bundle(name)
        self.collection = name + "+"
        self.wire = self.rng = None
        self.counter = 0
        self.acknowledged = 0
        self.states = [{"title": "", "gate": "publisher", "is_reborn": True, "slots": {}}]
        self.left = 0

    async def connect(self):
        self.wire = await Wire.login(self.story.server, self.bundle, "c")

    def begin(self, rng, window, most):
        self.rng, self.left = rng, most
        for _ in range(window):
            self.step()

    # --- requests ---------------------------------------------------------------------------

    def step(self):
        if self.left <= 0 or self.wire.closed.done():
            return
        self.left -= 1
        state = copy.deepcopy(self.states[-1])
        owner, inner, happened = self._choose(state)
        self.states.append(state)
        index = len(self.states) - 1

        def done(answer):
            if answer is None:
                return
            if "type='result'" not in answer[:300]:
                self.story.failed(f"{self.name}: {inner} was refused: {answer}")
            if self.acknowledged >= index:
                self.story.failed(f"{self.name}: answers out of order")
            self.acknowledged = index
            if happened:
                happened()
            self.step()

        namespace = "http://jabber.org/protocol/pubsub" + ("#owner" if owner else "")
        payload = f"<pubsub xmlns='{namespace}'>{inner}</pubsub>"
        self.wire.ask("set", self.story.broker, payload, done)

    def _choose(self, state):
        if self.owns_shared and self.rng.random() < 0.5:
            return self._change_shared(state)
        self.counter += 1
        slot = f"{self.name}-{self.rng.randrange(SLOTS)}"
        slots = state["slots"]
        if slot not in slots:
            title = f"t{self.counter}"
            slots[slot] = dict(title=title, affiliations={}, subscribed=[], is_child=False)
            configure = f"<configure>{form(title=title)}</configure>"
            return False, f"<create node='{slot}'/>{configure}", None
        world = slots[slot]
        choice = self.rng.randrange(12)
        if choice == 0:
            del slots[slot]
            return True, f"<delete node='{slot}'/>", None
        if choice < 3:
            world["title"] = f"t{self.counter}"
            inner = f"<configure node='{slot}'>{form(title=world['title'])}</configure>"
            return True, inner, None
        if choice < 6:
            return self._affiliate(slot, world)
        if choice < 8:
            return self._subscribe_guest(slot, world)
        if choice < 10:
            world["is_child"] = not world["is_child"]
            verb = "associate" if world["is_child"] else "dissociate"
            inner = f"<{verb} node='{slot}'/>"
            return True, f"<collection node='{self.collection}'>{inner}</collection>", None
        jid = self.bundle.jid
        verb = "subscribe" if toggle(world["subscribed"], jid) else "unsubscribe"
        return False, f"<{verb} node='{slot}' jid='{jid}'/>", None

    def _affiliate(self, slot, world):
        jid = f"{self.rng.choice(GUESTS)}@{self.story.domain}"
        affiliation = self.rng.choice(AFFILIATIONS)
        if affiliation == "none":
            world["affiliations"].pop(jid, None)
        else:
            world["affiliations"][jid] = affiliation
        if affiliation not in READERS and jid in world["subscribed"]:
            world["subscribed"].remove(jid)   # in the same commit
        inner = f"<affiliation jid='{jid}' affiliation='{affiliation}'/>"
        return True, f"<affiliations node='{slot}'>{inner}</affiliations>", None

    def _subscribe_guest(self, slot, world):
        """As an owner may (§8.8); guests who may not read are made readers."""
        guests = [jid for jid, what in world["affiliations"].items() if what in READERS]
        if not guests:
            return self._affiliate(slot, world)
        jid = self.rng.choice(guests)
        subscription = "subscribed" if toggle(world["subscribed"], jid) else "none"
        inner = f"<subscription jid='{jid}' subscription='{subscription}'/>"
        return True, f"<subscriptions node='{slot}'>{inner}</subscriptions>", None

    def _change_shared(self, state):
        """What the publishers' requests rest on changes under their feet."""
        self.counter += 1
        choice = self.rng.randrange(12)
        nodes = self.story.ledger.nodes
        if choice < 6:
            state["title"] = f"t{self.counter}"
            return True, f"<configure node='keep0'>{form(title=state['title'])}</configure>", None
        if choice < 10:
            state["gate"] = "none" if state["gate"] == "publisher" else "publisher"
            jid = self.story.publishers[0].bundle.jid
            inner = f"<affiliation jid='{jid}' affiliation='{state['gate']}'/>"
            return True, f"<affiliations node='gate'>{inner}</affiliations>", None
        # No earlier item may be left.
        wipe = self.story.ledger.operation()
        if choice == 10:
            nodes["purged"].wipes.append(wipe)
            return True, "<purge node='purged'/>", wipe.happened
        nodes["reborn"].wipes.append(wipe)
        state["is_reborn"] = not state["is_reborn"]
        if not state["is_reborn"]:
            return True, "<delete node='reborn'/>", wipe.happened
        configure = f"<configure>{form(publish_model='open', max_items=2000)}</configure>"
        return False, f"<create node='reborn'/>{configure}", wipe.happened

    # --- after a crash ----------------------------------------------------------------------

    async def verify(self):
        """The world as it is now must be one of those that the requests can have left."""
        seen = await self.look()
        candidates = self.states[self.acknowledged :]
        if seen not in candidates:
            raise Failure(
                f"{self.name}: {self.acknowledged} of {len(self.states) - 1} changes acknowledged;"
                f"\n    there is {seen}\n    expected one of "
                + "\n        ".join(str(state) for state in candidates[:9])
            )
        self.states, self.acknowledged = [seen], 0

    async def look(self):
        mine = await self.ask("get", "<affiliations/>")
        owned = {
            entry["node"]
            for entry in (dict(ATTRIBUTE.findall(text)) for text in AFFILIATION.findall(mine))
            if entry["affiliation"] == "owner"
        }
        children = await self.children()
        if not children <= owned:
            raise Failure(f"{self.collection}: {children - owned} are children, and do not exist")
        slots = {}
        for slot in sorted(owned):
            if slot.startswith(self.name + "-"):
                slots[slot] = {
                    "title": (await self.configuration(slot)).get("title", ""),
                    "affiliations": await self.affiliations(slot),
                    "subscribed": await self.subscribers(slot),
                    "is_child": await self.is_child(slot, children),
                }
        state = {"title": "", "gate": "publisher", "is_reborn": True, "slots": slots}
        if self.owns_shared:
            gate = await self.affiliations("gate")
            first = self.story.publishers[0].bundle.jid
            state["title"] = (await self.configuration("keep0")).get("title", "")
            state["gate"] = gate.get(first, "none")
            state["is_reborn"] = "reborn" in owned
        return state

    @staticmethod
    def nodes_in(answer):
        entries = (dict(ATTRIBUTE.findall(text)) for text in SUBSCRIPTION.findall(answer))
        return {entry["node"] for entry in entries if entry.get("subscription") == "subscribed"}

    async def ask(self, kind, inner, owner=False):
        return await self.wire.pubsub(kind, self.story.broker, inner, owner)

    async def configuration(self, node):
        """Fields that have a value, by their names without the prefix."""
        answer = await self.ask("get", f"<configure node='{node}'/>", owner=True)
        found = ((name, VALUE.search(content)) for name, content in FIELD.findall(answer))
        return {name[7:]: value.group(1) for name, value in found if value}

    async def children(self):
        answer = await self.wire.request(
            "get", self.story.broker, f"<query xmlns='{ITEMS}' node='{self.collection}'/>"
        )
        entries = (dict(ATTRIBUTE.findall(text)) for text in ENTRY.findall(answer))
        return {entry["node"] for entry in entries}

    async def is_child(self, slot, children):
        """The collection says so and the node does (XEP-0248 §10.3)."""
        parent = (await self.configuration(slot)).get("collection", "")
        if (parent == self.collection) != (slot in children):
            raise Failure(f"{slot} is in {parent!r}, and {self.collection} has {children}")
        return slot in children

    async def subscribers(self, node):
        answer = await self.ask("get", f"<subscriptions node='{node}'/>", owner=True)
        entries = (dict(ATTRIBUTE.findall(text)) for text in SUBSCRIPTION.findall(answer))
        return sorted(entry["jid"] for entry in entries if entry.get("jid"))

    async def affiliations(self, node):
        answer = await self.ask("get", f"<affiliations node='{node}'/>", owner=True)
        entries = (dict(ATTRIBUTE.findall(text)) for text in AFFILIATION.findall(answer))
        return {
            entry["jid"]: entry["affiliation"]
            for entry in entries
            if entry["jid"] != self.bundle.jid
        }
