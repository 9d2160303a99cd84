# tests/integration/test_browser.py: the example application in headless Chromium; foreign pages.
"""gridd serves tests/clients/web from its own port; the browser has a client certificate."""

import http.server
import os
import shutil
import tempfile
import threading
import unittest

import browser
from gridd import DOMAIN, ROOT, Operated
from policies import EVERYTHING
from topic import Topic

CLIENTS = os.path.join(ROOT, "tests", "clients")
APP = os.path.join(CLIENTS, "web")
MODULES = os.path.join(CLIENTS, "strophe.js", "node_modules")
STROPHE = os.path.join(MODULES, "strophe.js", "dist", "strophe.esm.js")


class Page(http.server.BaseHTTPRequestHandler):
    """An empty page, of an origin that the grid does not know."""

    def do_GET(self):
        body = b"<!doctype html><title>elsewhere</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class BrowserCase(unittest.TestCase):
    """A server with the application, a topic, and a browser of desk@."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        if what := browser.missing():
            raise unittest.SkipTest(f"there is no {what} (conf/install-deps --clients)")
        if not os.path.exists(STROPHE):
            raise unittest.SkipTest("there is no strophe.js (conf/install-deps --clients)")
        cls.elsewhere = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        cls.addClassCleanup(cls.elsewhere.server_close)
        cls.addClassCleanup(cls.elsewhere.shutdown)
        threading.Thread(target=cls.elsewhere.serve_forever, daemon=True).start()
        cls.foreign = f"http://localhost:{cls.elsewhere.server_port}"
        app = tempfile.mkdtemp(prefix="gridd-app-")
        cls.addClassCleanup(shutil.rmtree, app)
        for file in (os.path.join(APP, "index.html"), os.path.join(APP, "client.js"), STROPHE):
            shutil.copy(file, app)
        cls.server = Operated(EVERYTHING, {
            "accounts.auto_approve": "true", "pubsub.access_open": "true", "http.static_dir": app,
            **{key: value.format(cls.foreign) for key, value in cls.settings.items()},
        }).start()
        cls.addClassCleanup(cls.server.close)
        cls.own = f"https://{DOMAIN}:{cls.server.http[1]}"
        cls.log_in_sensor()
        created = cls.sensor.create(access_model="open", publish_model="open")
        assert created[0] == "ok", created
        subscribed = cls.sensor.subscribe(f"sensor@{DOMAIN}")
        assert subscribed[0] == "ok", subscribed
        cls.browser = browser.Browser(cls.server.authority.client(f"desk@{DOMAIN}"), [cls.own])
        cls.addClassCleanup(cls.browser.close)

    @classmethod
    def log_in_sensor(cls):
        """One that publishes, and has subscribed."""
        bundle = cls.server.authority.client(f"sensor@{DOMAIN}")
        cls.sensor = Topic(cls.server, bundle, payload="urn:example:alert")
        cls.addClassCleanup(cls.sensor.close)
        cls.sensor.raw.send("<presence/>")

    def sessions_of_desk(self):
        """The sessions of the browser's account, as an administrator sees them."""
        listed = self.server.admin_json("sessions", "list")
        return [one for one in listed["sessions"] if one["jid"].startswith(f"desk@{DOMAIN}/")]


class Application(BrowserCase):
    """The example, from the server's own port; each test has a tab, and so a session."""

    def setUp(self):
        self.browser.new_tab()

    def publishes_and_receives(self, over, transport):
        self.browser.open(f"{self.own}/?node=alerts&over={over}")
        online = self.browser.expect("log", "online")
        self.assertTrue(online.startswith(f"online desk@{DOMAIN}/"), online)
        self.browser.expect("log", "subscribed")
        self.assertEqual(self.browser.text("me"), f"desk@{DOMAIN}")
        session, = (one for one in self.sessions_of_desk() if one["jid"] == online.split()[1])
        self.assertEqual(session["transport"], transport)
        # From the browser to another client, and to itself.
        self.browser.type("text", f"seen <b>over</b> {over} & told")
        item = self.browser.expect("log", "published").split()[1]
        self.assertEqual(self.sensor.event(), item)
        self.browser.expect("log", f"item {item}")
        self.browser.expect("items", f"seen <b>over</b> {over} & told")
        # From another client to the browser.
        self.assertEqual(self.sensor.publish(f"to-{over}")[0], "ok")
        self.browser.expect("items", f"to-{over}")
        self.assertEqual(self.sensor.event(), f"to-{over}")

    def test_over_websocket(self):
        self.publishes_and_receives("websocket", "websocket")
        # The page has what it needs to go on with its session after it was loaded again.
        before = self.browser.lines("log")[0].split()[1]
        self.browser.open(self.browser.driver.current_url)
        self.assertEqual(self.browser.expect("log", "resumed"), f"resumed {before}")
        self.assertEqual(self.sensor.publish("to-the-new-page")[0], "ok")
        self.browser.expect("items", "to-the-new-page")
        self.assertEqual(self.sensor.event(), "to-the-new-page")

    def test_over_bosh(self):
        self.publishes_and_receives("bosh", "bosh")

    def test_comes_back_after_a_kill(self):
        self.browser.open(f"{self.own}/?node=alerts")
        self.browser.expect("log", "subscribed")
        address = "{}:{}".format(*self.server.http)
        self.server.kill9()
        self.browser.expect("log", "offline")
        self.server.settings["listen.http"] = address   # where the page looks for it
        self.server.start()
        type(self).sensor = Topic(
            self.server, self.server.authority.client(f"sensor@{DOMAIN}"),
            payload="urn:example:alert",
        )
        self.addClassCleanup(self.sensor.close)
        self.sensor.raw.send("<presence/>")
        self.assertEqual(self.sensor.publish("after-the-kill")[0], "ok")
        self.browser.expect("items", "after-the-kill")
        self.assertEqual(self.sensor.event(), "after-the-kill")


WEBSOCKET = """
    const socket = new WebSocket("wss://%s/xmpp-websocket", "xmpp");
    return await new Promise((done) => {
        socket.onopen = () => done("open");
        socket.onmessage = () => done("message");
        socket.onerror = () => done("refused");
    });"""
# Read, if at all, as a page reads: status and text.
ASK = """
    const answer = await fetch("https://%s%s", %s);
    return answer.type + " " + answer.status + " [" + await answer.text() + "]";"""
BODY = (
    "<body xmlns='http://jabber.org/protocol/httpbind' rid='1000' wait='5' hold='1' ver='1.6' "
    f"to='{DOMAIN}' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0' content='text/xml'/>"
)


NO_PAGE = "chrome-error://chromewebdata/"   # Chromium's own, in the place of a refused one


class ForeignPage(BrowserCase):
    """The browser would show its certificate for what a page of another origin asks, too."""

    def setUp(self):
        self.browser.open(self.foreign)
        self.host = self.own.removeprefix("https://")
        self.mark = self.server.log_mark()

    def ask(self, path, options):
        return self.browser.run(ASK % (self.host, path, options))

    def test_no_websocket(self):
        self.assertEqual(self.browser.run(WEBSOCKET % self.host), "refused")
        self.assertEqual(self.sessions_of_desk(), [])

    def test_no_bosh(self):
        for options, got in (
            # A preflight, which is refused.
            (f"{{method: 'POST', credentials: 'include', body: `{BODY}`, "
             "headers: {'Content-Type': 'text/xml'}}", "error: TypeError: Failed to fetch"),
            # No preflight: the answer must not be readable.
            (f"{{method: 'POST', credentials: 'include', body: `{BODY}`}}",
             "error: TypeError: Failed to fetch"),
            # Neither: nothing of it is readable.
            (f"{{method: 'POST', credentials: 'include', mode: 'no-cors', body: `{BODY}`}}",
             ("error: TypeError: Failed to fetch", "opaque 0 []")),
        ):
            with self.subTest(options):
                self.assertIn(self.ask("/http-bind", options), got)
        self.assertEqual(self.sessions_of_desk(), [])
        self.assertNotIn("bosh-", self.server.log(self.mark))

    def test_no_file_and_no_administration(self):
        for path in ("/", "/client.js", "/api/v1/status", "/api/v1/accounts"):
            for mode in ("cors", "no-cors"):
                with self.subTest(path, mode=mode):
                    got = self.ask(path, f"{{credentials: 'include', mode: '{mode}'}}")
                    self.assertIn(got, ("error: TypeError: Failed to fetch", "opaque 0 []"))

    def test_no_frame(self):
        """The application cannot be shown inside of another page (and be clicked on there)."""
        self.browser.run(   # a frame is loaded with its page, or with the word that there is none
            "const frame = document.createElement('iframe');"
            "const loaded = new Promise((done) => { frame.onload = done; });"
            f"frame.src = '{self.own}/?node=alerts'; document.body.append(frame); await loaded;"
        )
        driver = self.browser.driver
        driver.switch_to.frame(driver.find_element("css selector", "iframe"))
        self.assertEqual(driver.execute_script("return location.href"), NO_PAGE)
        driver.switch_to.default_content()
        self.assertEqual(self.sessions_of_desk(), [])


class AllowedPage(BrowserCase):
    """The same page, where http.allowed_origins names its origin: what it was refused before was
    refused for its origin."""

    settings = {"http.allowed_origins": "{}"}

    def setUp(self):
        self.browser.open(self.foreign)
        self.host = self.own.removeprefix("https://")

    def test_websocket(self):
        self.assertEqual(self.browser.run(WEBSOCKET % self.host), "open")

    def test_bosh(self):
        options = (
            f"{{method: 'POST', credentials: 'include', body: `{BODY}`, "
            "headers: {'Content-Type': 'text/xml'}}"
        )
        got = self.browser.run(ASK % (self.host, "/http-bind", options))
        self.assertRegex(got, r"^cors 200 \[<body .*EXTERNAL")


if __name__ == "__main__":
    unittest.main()
