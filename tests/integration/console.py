# tests/integration/console.py: a grid with something to see, and its console in a browser.
"""Requests to 8443 as a program makes them, a grid of some accounts and topics, and the console as
a person uses it: pages, buttons and fields by their names."""

import base64
import http.client
import json
import os
import socket
import ssl
import time
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import browser
from gridd import BUILD, CONTROLLER, DOMAIN, Operated
from talker import Talker, form
from topic import PUBSUB

try:
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.common.keys import Keys
except ImportError:   # browser.missing() says so
    Keys = StaleElementReferenceException = None

SECONDS = 30
PICTURES = os.path.join(BUILD, "console")
POLICY = """\
# sensors write, desks read
allow group sensors to discover, create, publish on incidents/*
allow group desks to discover, subscribe, retrieve on incidents/*
allow group sensors, desks to discover, create, publish, subscribe on Session*
deny  client guest-* to any on any
allow group sensors to bulk group desks
"""
SESSIONS = "SessionCapability-1.0"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)


def ask(server, method, path, identity=None, body=None, headers=None):
    """One exchange over a connection of its own; a body is sent as JSON."""
    context = ssl.create_default_context(cafile=server.authority.path)
    if identity is not None:
        context.load_cert_chain(identity.cert, identity.key)
    address = server.http
    connection = http.client.HTTPSConnection(*address, timeout=SECONDS, context=context)
    # As a browser does: the name is asked for and checked, whatever the address.
    with ssl_socket(context, address) as wrapped:
        connection.sock = wrapped
        given = {"Host": f"{DOMAIN}:{address[1]}", **(headers or {})}
        if body is not None:
            given.setdefault("Content-Type", "application/json")
            body = json.dumps(body)
        connection.request(method, path, body=body, headers=given)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


def ssl_socket(context, address):
    plain = socket.create_connection(address, SECONDS)
    return context.wrap_socket(plain, server_hostname=DOMAIN)


class SlowUpload:
    """A PUT to a slot whose bytes come when the test sends them."""

    def __init__(self, server, identity, path, size):
        context = ssl.create_default_context(cafile=server.authority.path)
        context.load_cert_chain(identity.cert, identity.key)
        self.socket = ssl_socket(context, server.http)
        self.socket.sendall(f"PUT {path} HTTP/1.1\r\nHost: {DOMAIN}\r\n"
                            f"Content-Length: {size}\r\n\r\n".encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def status(self):
        return int(self.socket.recv(4096).split(b" ")[1])


class Administered(Operated):
    """A server whose administrator asks by REST."""

    def rest(self, method, path, body=None):
        if body is None and method != "GET":
            body = {}
        replaces = method == "PUT" and path in ("policy", "administrators")
        headers = {"If-Match": "*"} if replaces else {}
        answer = ask(self, method, "/api/v1/" + path, self.admin, body, headers)
        assert answer.status in (200, 201), f"{method} {path}: {answer.status} {answer.body}"
        return answer.json()

    def log_in(self, name, resource="raw", present=True):
        """A client of that account, which is made unless it is there."""
        client = Talker(self.c2s, DOMAIN).login(
            self.authority.client(f"{name}@{DOMAIN}"), resource
        )
        if present:
            client.presence()
        return client


def create(client, node, **fields):
    fields = {name: escape(value) for name, value in fields.items()}
    client.does(
        f"<create node={quoteattr(node)}/><configure>{form('node_config', **fields)}</configure>"
    )


def publish(client, node, item, text="x"):
    client.does(
        f"<publish node={quoteattr(node)}><item id={quoteattr(item)}>"
        f"<alert xmlns='urn:x:alert'>{escape(text)}</alert></item></publish>"
    )


def subscribe(client, node, jid, filtered=""):
    options = ""
    if filtered:
        options = (
            "<options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
            f"<value>{PUBSUB}#subscribe_options</value></field><field var='x-grid#filter'>"
            f"<value>{escape(filtered)}</value></field></x></options>"
        )
    client.does(f"<subscribe node={quoteattr(node)} jid={quoteattr(jid)}/>{options}")


def register(client, groups=(), device=""):
    """An account that waits."""
    wishes = "".join(f"<param name='group'>{escape(group)}</param>" for group in groups)
    wishes += f"<param name='deviceType'>{escape(device)}</param>" if device else ""
    query = f"<AccountQuery xmlns='com.domain.gi.gcl.controller'><register>{wishes}</register>"
    client.ask(
        "get", f"<grid xmlns='gi' type='request'>{query}</AccountQuery></grid>", CONTROLLER
    )


def fill(server):
    """Accounts of each state, topics with publishers, subscribers and filters; the clients, which
    stay online."""
    for name, groups in (("probe-1", ["sensors"]), ("ise", ["sensors"]), ("desk", ["desks"]),
                         ("analyst", ["desks"]), ("retired", ["desks"])):
        server.rest("POST", "accounts", {"jid": f"{name}@{DOMAIN}", "groups": groups})
    server.rest("POST", f"accounts/retired@{DOMAIN}/disable")
    server.rest("PATCH", f"accounts/probe-1@{DOMAIN}", {
        "description": "Rack 7, second floor; on call: +49 30 1234", "device_type": "sensor"
    })
    clients = [server.log_in("probe-1", "eth0"), server.log_in("ise", "mac"),
               server.log_in("desk", "console"), server.log_in("analyst", "laptop")]
    probe, ise, desk, analyst = clients
    for name, groups, device in (("camera-3", ["sensors"], "camera"), ("lab", [], "")):
        clients.append(server.log_in(name, "boot", present=False))
        register(clients[-1], groups, device)
    for node, title in (("incidents/ssh", "Logins that failed"), ("incidents/malware", "")):
        create(probe, node, title=title, type="urn:x:alert",
               access_model="open")
        subscribe(desk, node, f"desk@{DOMAIN}")
        subscribe(analyst, node, f"analyst@{DOMAIN}/laptop")
        for number in range(8):
            publish(probe, node, f"{node[10:]}-{number}", f"attempt {number}")
    ise.ask("get", "<grid xmlns='xgrid' type='request'><initPublishRequest><capability>"
            f"<name>{SESSIONS}</name></capability><filterSupport>"
            "<attribute name='location' type='string' match='eq in prefix'/></filterSupport>"
            "<serverSideFilter>true</serverSideFilter></initPublishRequest></grid>", CONTROLLER)
    for text in ("location = 'Berlin'", "location prefix 'Ham'"):
        subscribe(desk, SESSIONS, f"desk@{DOMAIN}", text)
    # Something for the audit: a desk may not publish.
    desk.is_refused(desk.publish("incidents/ssh"))
    return clients


class Console:
    """The console in a browser that shows `bundle`'s certificate, or none."""

    def __init__(self, server, bundle):
        self.address = server.http
        self.site = f"https://{DOMAIN}:{self.address[1]}"
        self.browser = browser.Browser(bundle, [self.site])
        self.driver = self.browser.driver

    def close(self):
        self.browser.close()

    # --- pages ---

    def begin_anew(self):
        """Nothing is left of what was open: no dialogue, no text in a field."""
        self.driver.get("about:blank")

    def open(self, page):
        """A page by its address, and its heading."""
        target = f"{self.site}/console/#/{page}"
        if self.driver.current_url.startswith(f"{self.site}/console/"):
            self.driver.execute_script(
                "if (location.hash === arguments[0]) return;"
                "document.querySelector('#page section')?.setAttribute('data-old', '');"
                "location.hash = arguments[0]", "#/" + page,
            )
        else:
            self.driver.get(target)
        self.settle()

    def settle(self):
        """Waits until the page has its first screen."""
        self.wait("return document.querySelector("
                  "'#page section:not([aria-busy]):not([data-old]) h1') !== null")

    def wait(self, script, *given, seconds=SECONDS):
        """The first value of the script that is true."""
        deadline = time.monotonic() + seconds
        while True:
            value = self.driver.execute_script(script, *given)
            if value:
                return value
            assert time.monotonic() < deadline, (
                f"{script} {given}: {self.driver.current_url}\n{self.text()}\n"
                f"{self.browser.console()}"
            )
            time.sleep(0.05)

    def text(self, where="body"):
        """As it is in the page, seen or not."""
        return self.driver.execute_script(
            "return document.querySelector(arguments[0])?.innerText ?? ''", where
        )

    def expect(self, text, where="#page"):
        self.wait("return (document.querySelector(arguments[1])?.innerText ?? '')"
                  ".includes(arguments[0])", text, where)

    def quoted(self):
        """The texts that a client, a certificate or a person chose."""
        return self.driver.execute_script(
            "return [...document.querySelectorAll('.quoted')].map((e) => e.textContent)"
        )

    # --- acts ---

    def button(self, name, row="", within="#page"):
        """The button or link of that name, in the row that has this text."""
        return self.wait(
            "const [name, row, within] = arguments;"
            "const named = (e) => (e.getAttribute('aria-label') ?? e.innerText).trim() === name "
            "  && !e.disabled && e.offsetParent !== null && (row === '' "
            "  || e.closest('tr')?.innerText.includes(row));"
            "return [...document.querySelectorAll(`${within} button, ${within} a`)].find(named)",
            name, row, within,
        )

    def press(self, name, row="", within="#page"):
        """A page that is drawn anew at that moment has another button of that name."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return self.button(name, row, within).click()
            except StaleElementReferenceException:
                if time.monotonic() > deadline:
                    raise

    def field(self, name, within="#page"):
        return self.wait("return document.querySelector(arguments[0])", f"{within} [name={name}]")

    def fill(self, name, text, within="#page"):
        field = self.field(name, within)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        field.send_keys(text)

    def answer(self, label):
        """Presses a button of the dialog, which must go with it."""
        self.press(label, within="dialog")
        self.wait("return document.querySelector('dialog') === null")

    # --- the look ---

    def look(self, width, is_dark=False, height=900):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500,
        })
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"},
        ]})

    def picture(self, name):
        """All of the page, into build/console."""
        os.makedirs(PICTURES, exist_ok=True)
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": size["width"], "scale": 1,
                     "height": min(size["height"], 4000)},
        })
        with open(os.path.join(PICTURES, name + ".png"), "wb") as file:
            file.write(base64.b64decode(taken["data"]))
