# tests/integration/walk/topics.py: steps: subscriptions, items, archives.
import xml.etree.ElementTree as ET

from gridd import BROKER

from .grounds import PUBSUB, Grounds, form
from .ledger import Subscription

NODES = ("plain", "leaf", "other")
COLLECTION = "top"   # of the last two
MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"


class Topics(Grounds):
    def subscribe(self):
        one = self.pick(
            one for one in self.on() if not one.how and one.account not in self.denied
        )
        if one is None:
            return
        node = self.pick((*NODES, COLLECTION))
        address = self.pick((one.bare, one.bare, one.full))
        fields = self.pick(({}, {}, {}, {"digest": "1", "digest_frequency": "300"},
                            {"expire": "presence"}))
        if address == one.full and fields:
            fields = {"expire": "presence"}
        kind = " ".join(fields)
        if any(other.address == address and other.node == node and other.over_at is None
               for other in self.ledger.subscriptions):
            return
        if node == COLLECTION:
            fields = {**fields, "subscription_type": "items", "subscription_depth": "all"}
        subscription = Subscription(one, node, address, kind, self.ledger.tick())
        self.note(f"subscribe {subscription}")
        one.is_used()
        self.ledger.subscriptions.append(subscription)
        options = f"<options>{form(fields, 'subscribe_options')}</options>" if fields else ""
        self.does(one, f"<subscribe node='{node}' jid='{address}'/>{options}")
        subscription.made_at = self.ledger.tick()

    def unsubscribe(self):
        one = self.pick(
            one for one in self.ledger.subscriptions
            if one.ending_at is None and one.made_at and "expire" not in one.kind
        )
        session = one and self.pick(
            session for session in self.on()
            if one.address in (session.bare, session.full) and not session.how
        )
        if not session:
            return
        self.note(f"unsubscribe {one}")
        session.is_used()
        one.ending_at = 0   # items that have not come are owed no more
        self.does(session, f"<unsubscribe node='{one.node}' jid='{one.address}'/>")
        one.over_at = self.ledger.tick()

    def publish(self):
        for _ in range(self.pick((1, 1, 1, 4))):
            one = self.pick(self.free())
            if one:
                item = self.ledger.publish(one, self.pick(NODES))
                self.note(f"publish {one} {item}")

    def retract(self):
        item = self.pick(
            item for item in self.ledger.items.values() if item.accepted_at and not item.gone_at
        )
        if item is None:
            return
        self.note(f"retract {item}")
        self.does(self.owner, f"<retract node='{item.node}' notify='1'><item id='{item.number}'/>"
                  "</retract>")
        item.gone_at = self.ledger.tick()

    def purge(self):
        node = self.pick(NODES)
        self.settle()
        self.note(f"purge {node}")
        all_of_them = [item for item in self.ledger.items.values() if item.node == node]
        self.does(self.owner, f"<purge node='{node}'/>", "#owner")
        for item in all_of_them:
            item.gone_at = item.gone_at or self.ledger.tick()

    def look_in_archive(self):
        one = self.pick(self.free())
        if one and self.is_archived:
            self.archive(one)

    def archive(self, one, node=""):
        """All ids of an account's messages, or of a topic's items, page by page."""
        found, after = [], ""
        while True:
            more = f"<after>{after}</after>" if after else ""
            answer, page = self.page(one, node, f"<max>7</max>{more}")
            found += page
            last = answer.find(f".//{{{RSM}}}last")
            if last is None or answer[0].get("complete") == "true":
                return found
            after = last.text

    def page(self, one, node, rsm):
        kept, one.archived = one.archived, []
        to, name = (BROKER, f" node='{node}'") if node else ("", "")
        answer = one.ask(
            "set", f"<query xmlns='{MAM}'{name}><set xmlns='{RSM}'>{rsm}</set></query>", to
        )
        page, one.archived = one.archived, kept
        assert answer.get("type") == "result", ET.tostring(answer)
        return answer, page

    def order(self, node):
        answer = self.owner.ask(
            "get", f"<pubsub xmlns='{PUBSUB}'><items node='{node}'/></pubsub>", BROKER
        )
        assert answer.get("type") == "result", ET.tostring(answer)
        return [item.get("id") for item in answer.iter(f"{{{PUBSUB}}}item")]
