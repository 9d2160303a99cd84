# tests/integration/cluster/worker.py: clients that change and read registers through any member,
# and note what they asked and what they were told.
"""A register is an item (a publish with its id), an account's groups, an account's state, the
policy, or a node's configuration.

A member may be behind others by design, so that a bare read there may show what was. Each read of
these clients comes behind a **barrier**: a durable publish of their own through the same member,
which has been acknowledged. A member acknowledges what it has applied, and it applies the log in
its order: the read shows all that was committed when it began, and must fit into an order of all
operations. A read whose barrier was not acknowledged is not made."""

import http.client
import itertools
import random
import re
import threading
import time
from html import unescape
from xml.sax.saxutils import escape

from gridd import BROKER, DOMAIN
from talker import Talker, form

from .history import now
from .members import Refused

ASK_SECONDS = 8
KEY_SECONDS = 6    # then it is the turn of a fresh key: what has no outcome makes a check long
KEYS = 3
UNKNOWN = ("look before you repeat", "outcome unknown", "could not be read or written")
BROKEN = (OSError, AssertionError, http.client.HTTPException, ValueError)
REST_UNKNOWN = (500, 502, 504)


class Unknown(Exception):
    """No answer, or one that does not say whether anything changed."""


class Declined(Exception):
    """Nothing was changed."""


class Session:
    """One client at one member: a stream and REST of the administrator."""

    numbers = itertools.count(1)

    def __init__(self, member, bundle, process):
        self.member, self.process = member, process
        self.resource = f"p{process}"
        self.talker = Talker(member.c2s, DOMAIN)
        self.talker.seconds = ASK_SECONDS
        try:
            self.talker.login(bundle, self.resource)
        except BROKEN:
            self.talker.socket.close()
            raise

    def close(self):
        self.talker.socket.close()

    def pubsub(self, kind, inner, owner=False):
        """The answer; Declined or Unknown."""
        space = "http://jabber.org/protocol/pubsub" + ("#owner" if owner else "")
        try:
            text = self.talker.ask(
                kind, f"<pubsub xmlns='{space}'>{inner}</pubsub>", BROKER, ASK_SECONDS
            )
        except BROKEN as error:
            raise Unknown(str(error)[:200]) from error
        if re.match(r"<iq [^>]*type=['\"]error", text):
            if any(word in text for word in UNKNOWN):
                raise Unknown(text)
            raise Declined(text)
        return text

    def barrier(self):
        item = f"<item id='{self.resource}'><b xmlns='urn:b'>{next(self.numbers)}</b></item>"
        self.pubsub("set", f"<publish node='barriers'>{item}</publish>")

    def rest(self, method, path, body=None, headers=None):
        """(headers, JSON); Refused with a status below 500 means that nothing was changed."""
        try:
            return self.member.rest_whole(method, path, body, headers, ASK_SECONDS)
        except Refused as refused:
            text = str(refused.body)
            if refused.status in REST_UNKNOWN or any(word in text for word in UNKNOWN):
                raise Unknown(str(refused)) from refused
            if refused.status >= 500:
                raise Declined(str(refused)) from refused
            raise
        except BROKEN as error:
            raise Unknown(str(error)[:200]) from error


class Keys:
    """Names of registers of one kind, shared by all workers; each is in use for a while. `make`
    creates the register when it is first named, and gives its first value."""

    def __init__(self, kind, make=None):
        self.kind, self.make = kind, make
        self._lock = threading.Lock()
        self._made = {}   # name → whether it is there: None while that is tried
        self.begin = time.monotonic()

    def pick(self, rng):
        age = int((time.monotonic() - self.begin) / KEY_SECONDS)
        return f"{self.kind}-{age}-{rng.randrange(KEYS)}"

    def ready(self, key, session, history):
        """Whether the register is there; one worker makes it."""
        if self.make is None:
            return True
        with self._lock:
            if key in self._made:
                return bool(self._made[key])
            self._made[key] = None
        call = now()
        try:
            value = self.make(session, key)
            history.add(self.kind, key, session.process, "write", value, call, "ok")
            self._made[key] = True
        except (Unknown, Declined, Refused):
            pass   # the key stays unused
        return bool(self._made[key])


def make_account(session, key):
    session.rest("POST", "accounts", {"jid": f"{key}@{DOMAIN}", "groups": [key]})
    return key


def make_state(session, key):
    session.rest("POST", "accounts", {"jid": f"{key}@{DOMAIN}"})
    return "enabled"


def make_node(session, key):
    session.pubsub(
        "set", f"<create node='{key}'/><configure>{form('node_config', title=key)}</configure>"
    )
    return key


class Registers:
    """All registers of a run; one for all workers."""

    def __init__(self, history, kinds=("item", "account", "state", "policy", "config")):
        self.history, self.kinds = history, kinds
        self.keys = {
            "item": Keys("item"), "account": Keys("account", make_account),
            "state": Keys("state", make_state), "config": Keys("config", make_node),
        }
        self.policy_text = ""
        self.first_version = None

    def prepare(self, session):
        """Nodes, and the policy as it is at first."""
        for node in ("barriers", "registers"):
            session.pubsub(
                "set",
                f"<create node='{node}'/><configure>"
                f"{form('node_config', max_items=100_000)}</configure>",
            )
        _, found = session.rest("GET", "policy")
        self.policy_text = found["text"].rstrip("\n") + "\n"
        self.first_version = found["version"]
        self.history.add("policy", "policy", session.process, "write", "", now(), "ok", version=1)

    def version(self, found):
        return found["version"] - self.first_version + 1


class Worker(threading.Thread):
    """One client; it goes to another member when its own does not answer."""

    def __init__(self, story, number, seed):
        super().__init__(daemon=True)
        self.story, self.registers = story, story.registers
        self.history = story.registers.history
        self.rng = random.Random(f"{seed}/worker{number}")
        self.bundle = story.bundle
        self.session = self.process = None
        self.values = itertools.count(1)
        self.tags = {}   # key → (ETag, value) as this client read it last
        self.failure = None

    def run(self):
        try:
            while not self.story.is_over():
                self.step()
        except Exception as error:   # pylint: disable=broad-except
            self.failure = error
            self.story.failed(f"a worker: {error!r}")
        finally:
            self.leave()

    def leave(self):
        if self.session is not None:
            self.session.close()
            self.session = None

    def step(self):
        if self.session is None and not self.connect():
            time.sleep(self.rng.uniform(0.1, 0.4))
            return
        kind = self.rng.choice(self.registers.kinds)
        try:
            getattr(self, "do_" + kind)()
        except Declined:
            # The member cannot serve now; another may.
            self.leave()
            time.sleep(self.rng.uniform(0.05, 0.2))
        except Unknown:
            self.leave()
        time.sleep(self.rng.uniform(0.0, self.story.pause))

    def connect(self):
        members = self.story.cluster.running()
        if not members:
            return False
        try:
            process = self.history.process()
            self.session = Session(self.rng.choice(members), self.bundle, process)
            self.process = process
        except BROKEN:
            return False
        return True

    # --- one operation -----------------------------------------------------------------------

    def value(self):
        return f"v{self.process}-{next(self.values)}"

    def change(self, kind, key, op, value, ask, **more):
        """`ask` gives the fields that the record has besides. Behind a barrier where the member
        itself may find that the value is another one."""
        call = now()
        if op == "cas":
            self.session.barrier()
        try:
            found = ask() or {}
        except Unknown:
            self.history.add(kind, key, self.process, op, value, call, "unknown", **more)
            raise
        except Refused as refused:
            if refused.status in (409, 412) and op == "cas":
                self.history.add(kind, key, self.process, op, value, call, "mismatch", **more)
                return False
            raise Declined(str(refused)) from refused
        self.history.add(kind, key, self.process, op, value, call, "ok", **more, **found)
        return True

    def read(self, kind, key, ask):
        """`ask` gives (value, more fields)."""
        call = now()
        try:
            self.session.barrier()
            value, more = ask()
        except Unknown:
            self.leave()
            return None
        self.history.add(kind, key, self.process, "read", value, call, "ok", **more)
        return value

    # --- items -------------------------------------------------------------------------------

    def do_item(self):
        key = self.registers.keys["item"].pick(self.rng)
        if self.rng.random() < 0.5:
            self.read("item", key, lambda: (self.item(key), {}))
            return
        value = self.value()
        item = f"<item id='{key}'><v xmlns='urn:v'>{value}</v></item>"
        inner = f"<publish node='registers'>{item}</publish>"
        self.change("item", key, "write", value, lambda: self.session.pubsub("set", inner) and {})

    def item(self, key):
        """The value, or "" where there is none."""
        try:
            text = self.session.pubsub("get", f"<items node='registers'><item id='{key}'/></items>")
        except Declined as declined:
            if "item-not-found" in str(declined):
                return ""
            raise
        found = re.search(rf"<item id=['\"]{key}['\"].*?<v [^>]*>([^<]*)</v>", text)
        return found.group(1) if found else ""

    # --- accounts ----------------------------------------------------------------------------

    def do_account(self):
        key = self.registers.keys["account"].pick(self.rng)
        if not self.registers.keys["account"].ready(key, self.session, self.history):
            return
        path, what, value = f"accounts/{key}@{DOMAIN}", self.rng.random(), self.value()
        if what < 0.4:
            self.read("account", key, lambda: self.groups(key, path))
        elif what < 0.75 and key in self.tags:
            tag, expect = self.tags.pop(key)
            self.change(
                "account", key, "cas", value,
                lambda: self.put_groups(path, value, {"If-Match": tag}), expect=expect,
            )
        else:
            self.change("account", key, "write", value, lambda: self.put_groups(path, value, {}))

    def put_groups(self, path, value, headers):
        self.session.rest("PUT", path + "/groups", {"groups": [value]}, headers)

    def account(self, path):
        """What is not there after a barrier is lost: the account of nothing."""
        try:
            return self.session.rest("GET", path)
        except Refused as refused:
            if refused.status == 404:
                return {"ETag": "*"}, {"groups": [], "state": ""}
            raise Declined(str(refused)) from refused

    def groups(self, key, path):
        headers, found = self.account(path)
        value = found["groups"][0] if found["groups"] else ""
        self.tags[key] = (headers["ETag"], value)
        return value, {}

    def do_state(self):
        key = self.registers.keys["state"].pick(self.rng)
        if not self.registers.keys["state"].ready(key, self.session, self.history):
            return
        path = f"accounts/{key}@{DOMAIN}"
        if self.rng.random() < 0.5:
            self.read("state", key, lambda: (self.account(path)[1]["state"], {}))
            return
        verb, value = self.rng.choice((("enable", "enabled"), ("disable", "disabled")))
        other = "disabled" if value == "enabled" else "enabled"
        self.change(
            "state", key, self.story.state_op, value,
            lambda: self.session.rest("POST", f"{path}/{verb}") and {},
            **({"expect": other} if self.story.state_op == "cas" else {}),
        )

    # --- the policy --------------------------------------------------------------------------

    def do_policy(self):
        what, value, key = self.rng.random(), self.value(), "policy"
        if what < 0.4:
            self.read("policy", key, self.policy)
        elif what < 0.8 and key in self.tags:
            tag, expect = self.tags.pop(key)
            self.change(
                "policy", key, "cas", value, lambda: self.put_policy(value, tag), expect=expect
            )
        elif what > 0.9:
            self.change("policy", key, "write", value, lambda: self.put_policy(value, "*"))

    def put_policy(self, value, tag):
        text = f"{self.registers.policy_text}# token {value}\n"
        _, found = self.session.rest("PUT", "policy", {"text": text}, {"If-Match": tag})
        return {"version": self.registers.version(found)}

    def policy(self):
        headers, found = self.session.rest("GET", "policy")
        token = re.search(r"# token (\S+)", found["text"])
        value = token.group(1) if token else ""
        self.tags["policy"] = (headers["ETag"], value)
        return value, {"version": self.registers.version(found)}

    # --- a node's configuration --------------------------------------------------------------

    def do_config(self):
        key = self.registers.keys["config"].pick(self.rng)
        if not self.registers.keys["config"].ready(key, self.session, self.history):
            return
        if self.rng.random() < 0.5:
            self.read("config", key, lambda: (self.title(key), {}))
            return
        value = self.value()
        inner = f"<configure node='{key}'>{form('node_config', title=escape(value))}</configure>"
        self.change(
            "config", key, "write", value,
            lambda: self.session.pubsub("set", inner, owner=True) and {},
        )

    def title(self, key):
        try:
            text = self.session.pubsub("get", f"<configure node='{key}'/>", owner=True)
        except Declined as declined:
            if "item-not-found" in str(declined):
                return ""
            raise
        found = re.search(
            r"<field\b[^>]*var=['\"]pubsub#title['\"].*?<value>([^<]*)</value>", text, re.DOTALL
        )
        return unescape(found.group(1)) if found else ""
