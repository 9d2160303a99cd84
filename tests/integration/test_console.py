# tests/integration/test_console.py: the console: its files, its pages in a browser, hostile names.
"""Chromium has an administrator's certificate, and all that it shows comes from REST."""

import glob
import json
import os
import re
import time
import unittest

import browser
from gridd import DOMAIN, ROOT

if not browser.missing():
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
import console

FOLDER = os.path.join(ROOT, "controller", "console")
HOSTILE = os.path.join(ROOT, "tests", "integration", "hostile_strings.txt")
TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
         "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
CSP = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'",
    "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
    "frame-ancestors": "'none'", "require-trusted-types-for": "'script'", "trusted-types": "'none'",
}
PAGES = ("overview", "live", "accounts", f"accounts/probe-1%40{DOMAIN}", "topics",
         "topics/incidents%2Fssh", f"topics/{console.SESSIONS}", "policy", "sessions", "transfers",
         "audit", "health", "limits", "api", "manual")
MANUAL = os.path.join(ROOT, "conf", "manual")
AXE = os.path.join(ROOT, "tests", "browser", "node_modules", "axe-core", "axe.min.js")


def own_files():
    """Path below /console/ to the file."""
    found = {}
    for ending in TYPES:
        for file in glob.glob(f"{FOLDER}/**/*.{ending}", recursive=True):
            found[os.path.relpath(file, FOLDER)] = file
    return found


def text_of(file):
    with open(file, encoding="utf-8") as opened:
        return opened.read()


class Files(unittest.TestCase):
    """What 8443 gives to whom, without a browser."""

    @classmethod
    def setUpClass(cls):
        cls.server = console.Administered(console.POLICY, {"accounts.auto_approve": "true"}).start()
        cls.addClassCleanup(cls.server.close)
        cls.user = cls.server.authority.client(f"user@{DOMAIN}")
        cls.askers = {"nobody": None, "a client": cls.user, "an administrator": cls.server.admin}

    def get(self, path, identity=None, method="GET", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return console.ask(self.server, method, path, identity, headers=named)

    def test_the_first_page_leads_to_the_console(self):
        for path in ("/", "/console", "/?next=https://evil.example/", "/console?//evil.example"):
            for who, identity in self.askers.items():
                with self.subTest(path, who=who):
                    answer = self.get(path, identity)
                    self.assertEqual(answer.status, 302)
                    self.assertEqual(answer.headers["Location"], "/console/")

    def test_each_file_with_its_headers(self):
        files = own_files()
        self.assertGreater(len(files), 15)
        for name, file in files.items():
            with self.subTest(name):
                answer = self.get(f"/console/{name}")
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.body, text_of(file).encode())
                self.assert_headers(answer, TYPES[name.rsplit(".", 1)[1]])
        self.assertEqual(self.get("/console/").body, self.get("/console/index.html").body)
        chart = self.get("/console/lib/chart.min.js")
        self.assertIn(b"Released under the MIT License", chart.body)

    def assert_headers(self, answer, kind):
        given = answer.headers
        self.assertEqual(given["Content-Type"], kind)
        self.assertEqual(given["X-Content-Type-Options"], "nosniff")
        self.assertEqual(given["X-Frame-Options"], "DENY")
        self.assertEqual(given["Referrer-Policy"], "no-referrer")
        self.assertEqual(given["Cross-Origin-Resource-Policy"], "same-origin")
        self.assertEqual(given["Cross-Origin-Opener-Policy"], "same-origin")
        self.assertEqual(given["Cache-Control"], "no-cache")
        policies = given.get_all("Content-Security-Policy")
        self.assertEqual(len(policies), 1)
        directives = dict(one.strip().split(" ", 1) for one in policies[0].split(";"))
        self.assertEqual(directives, CSP)

    def test_a_file_that_is_known_is_not_sent_again(self):
        for path in ("/console/", "/console/app.js", "/console/lib/chart.min.js"):
            with self.subTest(path):
                tag = self.get(path).headers["ETag"]
                self.assertRegex(tag, r'^"[^"]+"$')
                for known in (tag, f'"other", W/{tag}', "*"):
                    answer = self.get(path, If_None_Match=known)
                    self.assertEqual((answer.status, answer.body), (304, b""))
                    self.assertEqual(answer.headers["ETag"], tag)
                self.assertEqual(self.get(path, If_None_Match='"other"').status, 200)

    def test_head(self):
        whole, head = (self.get("/console/app.js", method=method) for method in ("GET", "HEAD"))
        self.assertEqual(head.status, 200)
        self.assertEqual(head.body, b"")
        for name in ("Content-Length", "Content-Type", "ETag", "Content-Security-Policy"):
            self.assertEqual(head.headers[name], whole.headers[name], name)

    def test_what_is_not_there(self):
        for path in ("/console/x", "/console/lib", "/console/lib/", "/console//", "/console/..",
                     "/console/../api/v1/status", "/console/%2e%2e/metrics", "/console/app.js/",
                     "/console/APP.JS", "/console/app%2Ejs", "/console/README.md",
                     "/console/embed.cmake", "/console/assets.hpp", "/console/.",
                     "/console/app.js%00"):
            for who, identity in self.askers.items():
                with self.subTest(path, who=who):
                    answer = self.get(path, identity)
                    self.assertEqual(answer.status, 404)
                    self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                    self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])

    def test_nothing_is_changed_here(self):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = self.get("/console/", self.server.admin, method)
            self.assertEqual(answer.status, 405)
            self.assertEqual(answer.headers["Allow"], "GET, HEAD, OPTIONS")

    def test_a_name_that_is_not_ours(self):
        for path in ("/", "/console/", "/console/app.js"):
            self.assertEqual(self.get(path, Host="evil.example").status, 421)

    def test_strangers_get_the_files_and_no_data(self):
        for path in ("/console/", "/console/app.js"):
            bodies = {self.get(path, identity).body for identity in self.askers.values()}
            self.assertEqual(len(bodies), 1, "the files do not depend on the asker")
        for path in ("status", "accounts", "topics", "topics/x", "subscribers/x", "subtopics/x",
                     "items/x", "sessions", "policy", "policy/versions", "audit", "groups"):
            with self.subTest(path):
                self.assertEqual(self.get("/api/v1/" + path).status, 401)
                self.assertEqual(self.get("/api/v1/" + path, self.user).status, 403)
        self.assertEqual(self.get("/metrics").status, 401)
        self.assertEqual(self.get("/metrics", self.user).status, 403)

    def test_a_page_of_another_site_changes_nothing(self):
        for name, value in (("Origin", "https://evil.example"), ("Origin", "null"),
                            ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"),
                            ("Content-Type", "text/plain"),
                            ("Content-Type", "application/x-www-form-urlencoded")):
            with self.subTest(name=name, value=value):
                answer = console.ask(
                    self.server, "PUT", "/api/v1/policy", self.server.admin,
                    {"text": "allow any to any on any"}, {name: value},
                )
                self.assertIn(answer.status, (403, 415))
        self.assertEqual(self.server.rest("GET", "policy")["text"], console.POLICY)

    def test_the_files_load_nothing_from_elsewhere_and_read_no_text_as_markup(self):
        index = text_of(os.path.join(FOLDER, "index.html"))
        self.assertNotRegex(index, r"(?i)<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)")
        for name, file in own_files().items():
            with self.subTest(name):
                text = text_of(file)
                for found in re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(([^)]*)\)"
                                        r"|from \"([^\"]*)\"|import\(\"([^\"]*)\"", text):
                    for address in filter(None, found):
                        self.assertNotRegex(address, r"^(?:[a-z]+:|//)", address)
                self.assertNotRegex(text, r"innerHTML|outerHTML|insertAdjacentHTML|document\.write"
                                          r"|\beval\(|new Function|DOMParser|srcdoc|setHTML")


class BrowserCase(unittest.TestCase):
    """A grid with something to see, and the administrator's browser."""

    @classmethod
    def setUpClass(cls):
        if what := browser.missing():
            raise unittest.SkipTest(f"there is no {what} (conf/install-deps --clients)")
        cls.server = console.Administered(console.POLICY, {
            "pubsub.access_open": "true",
            "limits.idle_seconds_max": "3600",   # clients of a slow test answer no ping
            "files.free_bytes_min": 1,
        }).start()
        cls.addClassCleanup(cls.server.close)
        cls.clients = cls.fill()
        cls.console = console.Console(cls.server, cls.server.admin)
        cls.addClassCleanup(cls.console.close)

    @classmethod
    def fill(cls):
        return console.fill(cls.server)

    def setUp(self):
        # The dialogue of a test that failed, say, is none of the next one's.
        self.console.begin_anew()
        self.console.look(1440)

    def tearDown(self):
        # Neither the policy of the page nor a script of ours has been broken.
        log = self.console.driver.get_log("browser")
        bad = [one["message"] for one in log if one["level"] == "SEVERE"
               and "Failed to load resource" not in one["message"]]
        self.assertEqual(bad, [])


class Pages(BrowserCase):
    """What each page shows; nothing is changed."""

    def shows(self, page, *texts):
        self.console.open(page)
        for text in texts:
            self.console.expect(text)

    def test_overview(self):
        self.shows("overview", "Publishes a second", "incidents/ssh", "default deny")
        self.console.expect("2 waiting")
        self.assertIn(f"admin@{DOMAIN}", self.console.text("#who"))
        self.assertEqual(self.console.text("#domain"), DOMAIN)
        # A publish is seen in the rate.
        probe = self.clients[0]
        deadline = time.monotonic() + console.SECONDS
        while True:
            console.publish(probe, "incidents/ssh", "rate")
            tiles = self.console.driver.execute_script(
                "return Object.fromEntries([...document.querySelectorAll('.tile')].map((e) =>"
                "  [e.querySelector('.label').innerText, e.querySelector('strong').innerText]))"
            )
            if tiles["Publishes a second"] not in ("0", "–"):
                break
            self.assertLess(time.monotonic(), deadline, tiles)
        self.assertEqual(tiles["Accounts"], "5")

    def test_accounts(self):
        self.shows("accounts?state=pending", f"camera-3@{DOMAIN}", "wishes sensors", "camera")
        self.shows("accounts?state=disabled", f"retired@{DOMAIN}")
        self.assertNotIn("camera-3", self.console.text("#page"))
        self.shows("accounts?state=", f"retired@{DOMAIN}", f"camera-3@{DOMAIN}", f"desk@{DOMAIN}")
        self.console.fill("find", "Mera")
        self.console.wait("return document.querySelectorAll('#page tbody tr').length === 1")
        self.console.expect(f"camera-3@{DOMAIN}")

    def test_one_account(self):
        self.shows(f"accounts/probe-1%40{DOMAIN}", "Rack 7, second floor", "eth0",
                   f"CN=probe-1@{DOMAIN}", "policy 1, line 2", "incidents/malware")
        shown = self.server.rest("GET", f"accounts/probe-1@{DOMAIN}")["certificate"]
        digits = self.console.text(".facts").replace(" ", "")
        self.assertIn(shown["fingerprint"], digits)
        self.shows(f"accounts/retired%40{DOMAIN}", "It is not online.")
        self.shows(f"accounts/missing%40{DOMAIN}", f"no account missing@{DOMAIN}")

    def test_topics(self):
        self.shows("topics", "incidents/ssh", "Logins that failed", console.SESSIONS)
        # Subtopics are with their topics.
        self.assertNotIn(f"{console.SESSIONS}/", self.console.text("#page"))
        self.assertNotIn("#subtopics", self.console.text("#page"))
        self.console.fill("find", "TS/M")
        self.console.wait("return document.querySelectorAll('#page tbody tr').length === 1")
        self.console.expect("incidents/malware")
        self.console.fill("find", "incidents/ssh")
        self.console.expect("Logins that failed")

    def test_one_topic(self):
        self.shows("topics/incidents%2Fssh", f"probe-1@{DOMAIN}", "owner", f"desk@{DOMAIN}",
                   f"analyst@{DOMAIN}", "/laptop", "ssh-7", "urn:x:alert")
        self.shows(f"topics/{console.SESSIONS}", f"ise@{DOMAIN}", "location = 'Berlin'",
                   "location prefix 'Ham'", f"{console.SESSIONS}/")
        self.shows("topics/..", "a browser cannot ask for the name")

    def test_sessions_live(self):
        self.shows("sessions", "eth0", "laptop", "127.0.0.1")
        late = self.server.log_in("analyst", "tablet")
        self.console.expect("tablet")
        late.socket.close()
        self.console.wait("return !document.querySelector('#page').innerText.includes('tablet')")
        self.console.fill("jid", f"probe-1@{DOMAIN}")
        self.console.wait("return document.querySelectorAll('#page tbody tr').length === 1")

    def test_audit(self):
        self.shows("audit?decision=deny", f"desk@{DOMAIN}", "default deny")
        self.assertNotIn("allow", self.console.text("#page tbody"))
        self.console.fill("account", f"ise@{DOMAIN}")
        self.console.driver.execute_script(
            "document.querySelector('[name=decision]').value = ''"
        )
        self.console.press("Search")
        self.console.expect("initPublish")
        self.assertIn("account=ise", self.console.driver.current_url)
        self.assertNotIn("probe-1", self.console.text("#page tbody"))
        self.console.open("audit?from=2001-01-01T00:00&to=2001-01-02T00:00")
        self.console.expect("No record fits.")

    def test_health(self):
        self.shows("health", "Takes writes", "Free space", "Certificate for", "no problem",
                   "times a limit was hit")
        self.console.press("Verify the chain")
        self.console.expect("whole")

    def test_live(self):
        """What happens is shown while it happens, and what does not fit is not."""
        self.shows("live", "Live.", "default deny")
        desk = self.clients[2]
        console.create(self.clients[0], "incidents/live")
        self.console.expect("incidents/live")
        self.console.press("Pause")
        self.console.expect("Paused.")
        console.create(self.clients[0], "incidents/paused")
        self.console.press("Go on")
        self.console.expect("incidents/paused")
        self.console.driver.execute_script(
            "const kind = document.querySelector('[name=kind]'); kind.value = 'deny';"
            "kind.dispatchEvent(new Event('input'))"
        )
        self.console.wait("return !document.querySelector('#page tbody').innerText.includes("
                          "'incidents/paused')")
        desk.is_refused(desk.publish("incidents/malware"))
        self.console.expect("incidents/malware")
        self.console.open("live?kind=connections")
        late = self.server.log_in("analyst", "phone")
        self.console.expect(f"analyst@{DOMAIN}")
        late.socket.close()
        self.console.wait("return document.querySelector('#page tbody').innerText"
                          ".includes('disconnect')")
        self.console.fill("find", "nobody at all")
        self.console.expect("Nothing that fits has happened yet.")

    def test_transfers(self):
        self.shows("transfers", "Nothing is being transferred.")
        probe = self.clients[0]
        data = os.urandom(3 * 1024 * 1024)
        slot = probe.ask("get", "<request xmlns='urn:xmpp:http:upload:0' filename='core.dump' "
                         f"size='{len(data)}'/>", f"bulk.{DOMAIN}")
        address = re.search(r"<put url=['\"]https://[^/]*(/[^'\"]*)", slot).group(1)
        identity = self.server.authority.client(f"probe-1@{DOMAIN}")
        with self.server.at(self.console.address):   # each member shows its own
            upload = console.SlowUpload(self.server, identity, address, len(data))
        with upload:
            upload.send(data[:1024 * 1024])
            self.console.expect("1.0 MiB of 3.0 MiB (33 %)", "[aria-label='Under way']")
            self.console.expect("core.dump", "[aria-label='Under way']")
            self.console.wait("return document.querySelector('#page progress')?.value > 0.3")
            self.console.picture("transfers-running-1440")
            upload.send(data[1024 * 1024:])
            self.assertEqual(upload.status(), 201)
        self.console.expect("core.dump", "[aria-label='Ended']")
        self.console.expect("complete", "[aria-label='Ended']")
        self.console.expect("Nothing is being transferred.")

    def test_limits(self):
        stranger = self.server.authority.client(f"retired@{DOMAIN}")
        self.shows("limits", "The server was started", "Refused logins and requests")
        with self.server.at(self.console.address), self.assertRaises(Exception):
            console.Talker(self.server.c2s, DOMAIN).login(stranger, "x")
        self.console.expect("account-disabled", "[aria-label='Refusals']")
        self.console.wait("return /\\+\\d/.test(document.querySelector("
                          "\"[aria-label='Refusals']\").innerText)")

    def test_interface(self):
        self.shows("api", "Administration of a gridd server", "operations")
        described = self.server.rest("GET", "openapi.json")
        count = sum(len(methods) for methods in described["paths"].values())
        self.console.expect(f"{count} of {count} operations")
        self.console.fill("find", "rollback")
        self.console.expect(f"1 of {count} operations")
        self.console.driver.execute_script(
            "document.querySelector('#page details summary').click()")
        self.console.expect("curl --cert alice.crt --key alice.key -X POST")
        self.console.expect("expect_version (optional): integer")
        self.console.expect("409:")
        self.console.picture("api-open-1440")

    def test_manual(self):
        chapters = sorted(glob.glob(f"{MANUAL}/*.md"))
        if not chapters:
            self.console.open("manual")
            self.console.expect("The manual has no chapter")
        for file in chapters:
            name = os.path.basename(file)
            with self.subTest(name):
                got = console.ask(self.server, "GET", f"/console/manual/{name}")
                self.assertEqual((got.status, got.body), (200, text_of(file).encode()))
                self.assertEqual(got.headers["Content-Type"], "text/markdown; charset=utf-8")
                self.console.open(f"manual/{name}")
                title = re.search("^# (.*)$", text_of(file), re.M).group(1).replace("`", "")
                self.console.expect(title)
                # Links lead to chapters that there are.
                for to in self.console.driver.execute_script(
                        "return [...document.querySelectorAll('.manual a')].map("
                        "  (e) => e.getAttribute('href'))"):
                    self.assertRegex(to, "^#/manual/")
                    chapter = to.split("?")[0].removeprefix("#/manual/")
                    self.assertTrue(os.path.exists(f"{MANUAL}/{chapter}"), f"{name}: {to}")
        for missing in ("nothing.md", "..%2F..%2Fapp.js", "%3Cb%3E", "README"):
            self.console.open(f"manual/{missing}")
            self.console.expect("The manual has no chapter")

    def test_markdown(self):
        """What the manual uses, and markup as text."""
        self.console.open("health")
        got = self.console.browser.run(r"""
            const { render } = await import("/console/lib/markdown.js");
            const { h } = await import("/console/lib/dom.js");
            const text = [
                "# A `b` title", "", "One *two* **three** `a*b*` [link](x.md#y) end.",
                "second_line_of it", "", "* a", "* b", "  more", "  1. inner", "     code", "",
                "  ```sh", "  run <b>", "  ```", "* c", "", "3. third", "4. fourth", "",
                "| h1 | h\\|2 |", "| --- | ---: |", "| `x` | y |", "| z |", "", "> quoted", "",
                "```console no-run=x", "$ a && b <script>", "```", "", "---", "",
                "<img src=x onerror=pwned=1> &amp; <https://a.example/b>", "",
                "\\*not\\* [a](javascript:pwned=1) ![i](i.png) 2*3*4 snake_case_name",
            ].join("\n");
            const box = h("div", {}, render(text, (to, nodes) => h("u", { title: to }, nodes)));
            return box.innerHTML;
        """)
        self.assertEqual(got, "".join((
            '<h1 id="manual-a-b-title">A <code>b</code> title</h1>',
            "<p>One <em>two</em> <strong>three</strong> <code>a*b*</code> "
            '<u title="x.md#y">link</u> end. second_line_of it</p>',
            "<ul><li>a</li><li>b more<ol><li>inner code</li></ol>"
            '<pre tabindex="0" role="group" aria-label="Example, sh"><code>run &lt;b&gt;</code>'
            "</pre></li><li>c</li></ul>",
            '<ol start="3"><li>third</li><li>fourth</li></ol>',
            '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table><thead><tr>'
            '<th scope="col">h1</th><th scope="col">h|2</th></tr></thead><tbody><tr>'
            "<td><code>x</code></td><td>y</td></tr><tr><td>z</td><td></td></tr></tbody></table>"
            "</div>",
            "<blockquote><p>quoted</p></blockquote>",
            '<pre tabindex="0" role="group" aria-label="Example, console">'
            "<code>$ a &amp;&amp; b &lt;script&gt;</code></pre>",
            "<hr>",
            '<p>&lt;img src=x onerror=pwned=1&gt; &amp;amp; <u title="https://a.example/b">'
            "https://a.example/b</u></p>",
            '<p>*not* <u title="javascript:pwned=1">a</u> <u title="i.png">i</u> 2*3*4 '
            "snake_case_name</p>",
        )))

    def test_events_replace_polling(self):
        """A page that is looked at for a while asks for little."""
        self.console.open("sessions")
        self.console.expect("eth0")
        count = ("return performance.getEntriesByType('resource').filter((e) => "
                 "e.name.includes('/api/v1/') && !e.name.includes('/events')).length")
        before = self.console.driver.execute_script(count)
        time.sleep(12)   # a page that polls would have asked six times or more
        asked = self.console.driver.execute_script(count) - before
        self.assertLessEqual(asked, 3)

    def test_an_address_that_is_no_page(self):
        for page in ("nonsense", "__proto__", "constructor", "accounts/%ff"):
            with self.subTest(page):
                self.console.open(page)
                self.console.expect("No such page")

    def test_every_page_fits_and_is_pictured(self):
        for width, is_dark in ((1440, False), (375, False), (1440, True), (375, True)):
            self.console.look(width, is_dark)
            for page in PAGES:
                with self.subTest(page, width=width):
                    self.console.open(page)
                    if page == "overview":
                        self.console.expect("% of a core")
                    wide = self.console.driver.execute_script(
                        "return document.documentElement.scrollWidth"
                    )
                    self.assertLessEqual(wide, width)
                    left, right = self.console.driver.execute_script(
                        "const { left, right } ="
                        "    document.querySelector('nav a[aria-current]').getBoundingClientRect();"
                        "return [left, right]"
                    )
                    self.assertTrue(0 <= left and right <= width, (left, right))
                    name = re.sub(r"\W+", "-", page.split("%40")[0].replace("%2F", "-"))
                    self.console.picture(f"{name}-{width}{'-dark' if is_dark else ''}")

    def test_metrics_text_and_differences(self):
        """The parts without a page."""
        self.console.open("health")
        got = self.console.browser.run("""
            const { parse, sum } = await import("/console/lib/metrics.js");
            const { diff } = await import("/console/lib/diff.js");
            const text = (n) => `# HELP x y\\nc{a="q\\\\"1",b="2"} ${n}\\nc{a="z"} 1\\n` +
                `h_bucket{le="0.1"} ${n}\\nh_bucket{le="0.2"} ${2 * n}\\n` +
                `h_bucket{le="+Inf"} ${2 * n}\\n`;
            return [sum(parse(text(5)), "c"), sum(parse(text(5)), "c", { a: 'q"1' }),
                sum(parse(text(5)), "h_bucket", { le: "+Inf" }), sum(parse(text(5)), "none"),
                diff("a\\nb\\nc", "a\\nx\\nc").map(({ mark, text }) => mark + text).join("|")];
        """)
        self.assertEqual(got, [6, 5, 10, 0, " a|-b|+x| c"])


class Acts(BrowserCase):
    """What an administrator does, by mouse and by keyboard."""

    def state(self, name):
        return self.server.rest("GET", f"accounts/{name}@{DOMAIN}")["state"]

    def waits(self, name):
        client = self.server.log_in(name, "boot", present=False)
        console.register(client, ["sensors"], "camera")
        self.addCleanup(client.socket.close)
        self.console.open("accounts?state=pending")
        self.console.expect(f"{name}@{DOMAIN}")

    def test_approve(self):
        self.waits("new-1")
        self.console.press(f"Approve new-1@{DOMAIN}")
        self.console.expect(f"CN=new-1@{DOMAIN}", "dialog")
        self.console.picture("approve-1440")
        # The wished group is ticked; another is written.
        self.console.fill("other_groups", "desks, visitors", "dialog")
        self.console.answer("Approve")
        self.console.wait("return !document.querySelector('#page').innerText.includes('new-1@')")
        account = self.server.rest("GET", f"accounts/new-1@{DOMAIN}")
        self.assertEqual(account["state"], "enabled")
        self.assertEqual(sorted(account["groups"]), ["desks", "sensors", "visitors"])
        self.assertEqual(account["device_type"], "camera")
        self.assertEqual(account["approved_by"], f"admin@{DOMAIN}")

    def test_decline(self):
        self.waits("new-2")
        self.console.press(f"Decline new-2@{DOMAIN}")
        self.console.press("Cancel", within="dialog")
        self.assertEqual(self.state("new-2"), "pending")
        self.console.press(f"Decline new-2@{DOMAIN}")
        self.console.answer("Decline")
        self.console.wait("return !document.querySelector('#page').innerText.includes('new-2@')")

    def test_by_keyboard(self):
        """From the top of the page to an approved account, by Tab, Space and Enter."""
        self.waits("new-3")
        self.console.driver.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
        self.tab_to(f"Approve new-3@{DOMAIN}")
        self.keys(Keys.ENTER)
        self.console.expect("Compare the certificate", "dialog")
        self.tab_to("Approve")
        self.keys(Keys.ENTER)
        self.console.wait("return document.querySelector('dialog') === null")
        self.assertEqual(self.state("new-3"), "enabled")
        self.tab_to("Topics")
        self.keys(Keys.ENTER)
        self.console.expect("incidents/ssh")
        heading = self.console.driver.execute_script("return document.activeElement.innerText")
        self.assertEqual(heading, "Topics")

    def keys(self, *keys):
        ActionChains(self.console.driver).send_keys(*keys).perform()

    def tab_to(self, name):
        for _ in range(60):
            self.keys(Keys.TAB)
            label = self.console.driver.execute_script(
                "const e = document.activeElement;"
                "return (e.getAttribute('aria-label') ?? e.innerText).trim()"
            )
            if label == name:
                return
        self.fail(f"no way by Tab to {name}")

    def test_account_acts(self):
        self.server.rest("POST", "accounts", {"jid": f"acts@{DOMAIN}", "groups": ["desks"]})
        client = self.server.log_in("acts", "one")
        self.console.open(f"accounts/acts%40{DOMAIN}")
        self.console.press("Edit…")
        self.console.fill("description", "the one\nin the corner", "dialog")
        self.console.answer("Save")
        self.console.expect("the oneU+000Ain the corner")
        self.console.press(f"End acts@{DOMAIN}/one")
        self.console.answer("End the session")
        client.until_closed()
        self.console.expect("It is not online.")
        self.console.press("Disable…")
        self.console.answer("Disable")
        self.console.button("Enable…")
        self.assertEqual(self.state("acts"), "disabled")
        self.console.press("Enable…")
        self.console.answer("Enable")
        self.console.press("Groups…")
        self.console.fill("other_groups", "visitors", "dialog")
        self.console.answer("Set groups")
        self.console.expect("desks, visitors")
        self.console.press("Delete…")
        self.console.answer("Delete")
        self.console.wait("return location.hash.startsWith('#/accounts')")
        listed = [one["jid"] for one in self.server.rest("GET", "accounts")["accounts"]]
        self.assertNotIn(f"acts@{DOMAIN}", listed)

    def test_add_an_account_and_an_error_of_rest(self):
        self.console.open("accounts")
        self.console.press("Add an account…")
        self.console.fill("jid", "no address", "dialog")
        self.console.press("Add", within="dialog")
        self.console.wait(
            "return document.querySelector('dialog .problem:not([hidden])')?.innerText"
        )
        answer = console.ask(self.server, "POST", "/api/v1/accounts", self.server.admin,
                             {"jid": "no address", "groups": []})
        self.assertEqual(self.console.text("dialog .problem"), answer.json()["detail"])
        self.console.fill("jid", f"added@{DOMAIN}", "dialog")
        self.console.answer("Add")
        self.console.expect("none: the account is bound to the next one")

    def test_topic_acts(self):
        console.create(self.clients[0], "incidents/short", title="short")
        self.console.open("topics/incidents%2Fshort")
        self.console.press("Switch off…")
        self.console.answer("Switch off")
        self.console.button("Switch on…")
        self.assertFalse(self.server.rest("GET", "topics/incidents/short")["enabled"])
        self.console.press("Delete…")
        self.console.answer("Delete")
        self.console.wait("return location.hash === '#/topics'")
        found = console.ask(self.server, "GET", "/api/v1/topics/incidents/short", self.server.admin)
        self.assertEqual(found.status, 404)

    def test_policy(self):
        self.addCleanup(self.server.rest, "PUT", "policy", {"text": console.POLICY})
        self.console.open("policy")
        self.console.expect("well-formed")
        first = self.server.rest("GET", "policy")
        # A mistake is named where it is, and is not saved.
        self.edit(console.POLICY + "allow nobody at all\n")
        self.console.expect("1 error")
        self.console.button("Line 7, column 7")
        self.assertFalse(self.console.driver.execute_script(
            "return [...document.querySelectorAll('button')].some("
            "  (e) => e.innerText === 'Save…' && !e.disabled)"))
        # Desks lose what they have: the dry run says so.
        less = console.POLICY.replace("desks to discover, subscribe, retrieve on incidents/*",
                                      "desks to discover on incidents/*")
        self.edit(less)
        self.console.expect("well-formed")
        self.console.press("Dry run")
        self.console.expect(f"desk@{DOMAIN}", "[aria-label='Rights that would be lost']")
        self.console.picture("policy-dry-run-1440")
        self.console.press("Save…")
        self.console.expect("would be lost", "dialog")
        self.console.picture("policy-save-1440")
        self.console.answer("Put in force")
        self.console.expect(f"Version {first['version'] + 1}")
        self.assertEqual(self.server.rest("GET", "policy")["text"], less)
        # A question.
        self.console.fill("client", f"desk@{DOMAIN}")
        self.console.fill("topic", "incidents/ssh")
        self.console.press("Ask")
        self.console.expect("denied", ".answer")
        # Back.
        self.console.press(f"Roll back to version {first['version']}")
        self.console.expect("desks to discover, subscribe, retrieve", "dialog")
        self.console.answer("Roll back")
        self.console.expect(f"Version {first['version'] + 2}")
        self.assertEqual(self.server.rest("GET", "policy")["text"], console.POLICY)

    def edit(self, text):
        self.console.driver.execute_script(
            "const area = document.querySelector('[name=policy]'); area.value = arguments[0];"
            "area.dispatchEvent(new Event('input'))", text,
        )

    def test_a_policy_that_another_administrator_changed_is_not_overwritten(self):
        self.addCleanup(self.server.rest, "PUT", "policy", {"text": console.POLICY})
        self.console.open("overview")
        self.console.open("policy")
        self.console.expect("well-formed")
        other = console.POLICY + "# by another\n"
        self.server.rest("PUT", "policy", {"text": other})
        self.edit(console.POLICY + "# by me\n")
        self.console.press("Save…")
        self.console.press("Put in force", within="dialog")
        self.console.wait(
            "return document.querySelector('dialog .problem:not([hidden])')?.innerText"
        )
        self.console.press("Cancel", within="dialog")
        self.assertEqual(self.server.rest("GET", "policy")["text"], other)


class SignIn(unittest.TestCase):
    """Who is no administrator is told how to become one, and nothing else."""

    @classmethod
    def setUpClass(cls):
        if what := browser.missing():
            raise unittest.SkipTest(f"there is no {what} (conf/install-deps --clients)")
        cls.server = console.Administered(
            console.POLICY, {"accounts.auto_approve": "true"}
        ).start()
        cls.addClassCleanup(cls.server.close)
        cls.server.log_in("user").socket.close()

    def shown(self, bundle):
        shown = console.Console(self.server, bundle)
        self.addCleanup(shown.close)
        shown.look(1440)
        shown.open("accounts")
        shown.expect("gridctl --data /var/lib/gridd admin add")
        self.assertNotIn("accounts?state", shown.driver.page_source)
        self.assertTrue(shown.driver.execute_script(
            "return document.getElementById('nav').hidden"
        ))
        return shown

    def test_without_any_certificate(self):
        shown = self.shown(browser.NoCertificate(self.server.admin.ca))
        shown.expect("Sign in with a certificate")
        shown.expect("a client certificate is needed")
        shown.picture("sign-in-none-1440")

    def test_with_a_clients_certificate(self):
        shown = self.shown(self.server.authority.client(f"user@{DOMAIN}"))
        shown.expect("This certificate has no role here")
        shown.picture("sign-in-1440")
        shown.look(375)
        shown.picture("sign-in-375")

    def test_an_administrator_who_is_one_no_more(self):
        second = self.server.authority.client(f"second@{DOMAIN}")
        self.server.rest("POST", "accounts", {"jid": second.jid})
        self.server.log_in("second").socket.close()
        self.server.rest("PUT", "administrators",
                         {"administrators": [f"admin@{DOMAIN}", f"second@{DOMAIN}"]})
        shown = console.Console(self.server, second)
        self.addCleanup(shown.close)
        shown.open("accounts")
        shown.expect(f"second@{DOMAIN}", "#who")
        self.server.rest("PUT", "administrators", {"administrators": [f"admin@{DOMAIN}"]})
        shown.expect("This certificate has no role here")
        self.assertNotIn(f"second@{DOMAIN}", shown.text("body"))


# Characters that are not seen, or turn the text around them; and the same as the console shows it.
INVISIBLE = {
    "user\u202egnp.exe": "userU+202Egnp.exe",
    "ad\u200bmin": "adU+200Bmin",
    "\u2066over\u2069": "U+2066overU+2069",
    "a\u00adb\ufeffc": "aU+00ADbU+FEFFc",
}
MARKUP = ("#page script, #page img, #page iframe, #page svg, #page math, #page style, #page link, "
          "#page object, #page base, #page meta, #page template, #page form[action], body > *:not("
          ".skip):not(header):not(main):not(#toasts):not(dialog):not(script)")


class Hostile(BrowserCase):
    """Strings that are markup, scripts and addresses: as text wherever the console shows them."""

    @classmethod
    def fill(cls):
        cls.strings = text_of(HOSTILE).splitlines()
        assert len(cls.strings) == 200
        cls.seen = {text: INVISIBLE.get(text, text) for text in [*cls.strings, *INVISIBLE]}
        server, clients = cls.server, []
        policy = ("allow group everyone to discover, create, publish, subscribe, retrieve on *\n"
                  "allow group everyone to bulk group everyone\n"
                  + "".join(f"# {text}\n" for text in cls.seen))
        server.rest("PUT", "policy", {"text": policy})
        server.rest("POST", "accounts", {"jid": f"owner@{DOMAIN}", "groups": ["everyone"]})
        owner = server.log_in("owner")
        console.create(owner, "items")
        for number, text in enumerate(cls.seen):
            jid = f"h{number}@{DOMAIN}"
            server.rest("POST", "accounts", {"jid": jid})
            server.rest("PATCH", f"accounts/{jid}", {"description": text, "device_type": text})
            console.create(owner, text, title=text, type=text)
            console.publish(owner, "items", text)
        # Subjects of certificates and resources of sessions.
        cls.subjects = [text for text in cls.strings if len(text) <= 64]
        for number, text in enumerate(cls.subjects):
            bundle = server.authority.named(f"h{number}@{DOMAIN}", text)
            client = console.Talker(server.c2s, DOMAIN).login(
                bundle, console.escape(text)
            )
            client.send("<presence/>")
            clients.append(client)
        return [owner, *clients]

    def setUp(self):
        super().setUp()
        self.console.driver.set_script_timeout(300)

    def are_harmless(self, pages):
        """All strings of (page, texts) are there as text, and nothing else has come of them."""
        for first in range(0, len(pages), 25):
            part = [(f"#/{page}", [self.seen[text] for text in texts])
                    for page, texts in pages[first:first + 25]]
            self.console.open("health")
            self.assertEqual([], self.console.browser.run(LOOK.replace("PAGES", json.dumps(part))
                                                          .replace("MARKUP", json.dumps(MARKUP))))

    def addressed(self, page, texts):
        names = self.console.driver.execute_script(
            "return arguments[0].map((text) => encodeURIComponent(text))", list(texts)
        )
        return [(page + name, text) for name, text in zip(names, texts)]

    def test_accounts(self):
        self.are_harmless([("accounts?state=", self.seen)])   # device types
        self.are_harmless([(f"accounts/h{number}%40{DOMAIN}", [text])
                           for number, text in enumerate(self.seen)])

    def test_certificates_and_sessions(self):
        self.assertGreater(len(self.subjects), 190)
        self.are_harmless([("sessions", self.subjects)])
        self.are_harmless([(f"accounts/h{number}%40{DOMAIN}", [text])
                           for number, text in enumerate(self.subjects)])

    def test_topics(self):
        self.are_harmless([("topics", self.seen)])
        self.are_harmless([(page, [text]) for page, text in self.addressed("topics/", self.seen)
                           if text not in (".", "..")])

    def test_items(self):
        self.are_harmless([("topics/items", list(self.seen)[-20:])])

    def test_audit_live_and_overview(self):
        self.are_harmless([("audit?operation=create", self.seen), ("overview", []), ("live", [])])
        # As they happen, on a page that listens.
        self.console.open("live")
        for text in self.seen:
            console.subscribe(self.clients[0], text, f"owner@{DOMAIN}")
        self.console.wait(
            "return document.querySelector('#page').innerText.includes(arguments[0])",
            list(self.seen.values())[-1],
        )
        pwned, markup = self.console.driver.execute_script(
            "return [window.pwned ?? null, document.querySelectorAll(arguments[0]).length]", MARKUP
        )
        self.assertEqual((pwned, markup), (None, 0))

    def test_transfers(self):
        """Names of files."""
        owner = self.clients[0]
        names = [text for text in self.strings if "/" not in text][:8]
        identity = self.server.authority.client(f"owner@{DOMAIN}")
        for name in names:
            slot = owner.ask("get", "<request xmlns='urn:xmpp:http:upload:0' size='1' "
                             f"filename={console.quoteattr(name)}/>", f"bulk.{DOMAIN}")
            path = re.search(r"<put url=['\"]https://[^/]*(/[^'\"]*)", slot).group(1)
            with self.server.at(self.console.address):   # each member shows its own
                upload = console.SlowUpload(self.server, identity, path, 1)
            with upload:
                upload.send(b"x")
                self.assertEqual(upload.status(), 201)
        self.are_harmless([("transfers", names)])

    def test_policy(self):
        self.are_harmless([("policy", [])])
        self.console.open("policy")
        area = self.console.wait("return document.querySelector('[name=policy]').value")
        for text in self.seen:
            self.assertIn(f"# {text}\n", area)
        # In the differences, which are text of the page.
        self.console.driver.execute_script(
            "const area = document.querySelector('[name=policy]'); area.value = '';"
            "area.dispatchEvent(new Event('input'))"
        )
        self.console.press("Changes")
        shown = self.console.quoted()
        for text in self.seen.values():
            self.assertIn(f"# {text}", shown)

    def test_addresses_of_pages(self):
        texts = self.strings
        self.are_harmless([(page, []) for prefix in ("", "accounts/", "audit?topic=", "manual/",
                                                     "live?find=")
                           for page, _ in self.addressed(prefix, texts)])


# Goes through pages, shows all rows of each, and says which of them are not harmless.
LOOK = r"""
    const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
    const wrong = [];
    for (const [hash, texts] of PAGES) {
        await wait(55);   // Chromium takes 200 changes of an address in ten seconds, and no more
        document.querySelector("#page section")?.setAttribute("data-old", "");
        location.hash = hash;
        const isThere = () => document.querySelector(
            "#page section:not([aria-busy]):not([data-old]) h1");
        const isShown = () => {
            document.querySelector("#page .more:not([hidden])")?.click();
            const there = [...document.querySelectorAll(".quoted")].map((e) => e.textContent);
            return texts.every((text) => there.some((one) => one.includes(text)));
        };
        for (let i = 0; i < 1500 && !(isThere() && isShown()); ++i) await wait(20);
        if (!isThere() || !isShown()) wrong.push([hash, "not there", document.body.innerText]);
        if (window.pwned !== undefined) wrong.push([hash, "a script ran"]);
        if (location.pathname !== "/console/") wrong.push([hash, "another page"]);
        const found = document.querySelectorAll(MARKUP);
        if (found.length > 0) wrong.push([hash, [...found].map((e) => e.outerHTML)]);
        const links = [...document.querySelectorAll("a")].map((e) => e.getAttribute("href"))
            .filter((href) => !href.startsWith("#"));
        if (links.length > 0) wrong.push([hash, links]);
    }
    return wrong;
"""


@unittest.skipUnless(os.path.exists(AXE), "tests/browser: conf/install-deps --clients")
class Accessible(BrowserCase):
    """axe-core finds nothing serious, on any page, in any look, nor in a dialogue."""

    def find(self, where):
        self.assertEqual([], self.violations(), where)

    def violations(self):
        if not self.console.driver.execute_script("return typeof axe === 'object'"):
            self.console.driver.execute_script(text_of(AXE))
        return self.console.browser.run(
            # A person sees no page before its first frame.
            "await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));"
            "const { violations } = await axe.run(document, { resultTypes: ['violations'] });"
            "return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))"
            "  .map(({ id, nodes }) => [id, nodes.slice(0, 5).map((node) =>"
            "    [node.html.slice(0, 300), node.failureSummary])]);"
        )

    def test_that_something_would_be_found(self):
        self.console.open("health")
        self.console.driver.execute_script(
            "document.querySelector('#page').append(document.createElement('img'))")
        self.assertEqual(["image-alt"], [one[0] for one in self.violations()])

    def setUp(self):
        super().setUp()
        # axe-core is no part of the page, whose own policy would not let it in.
        self.console.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})

    def looks(self):
        for width, is_dark in ((1440, False), (375, False), (1440, True), (375, True)):
            self.console.look(width, is_dark)
            yield f"{width}{' dark' if is_dark else ''}"

    def test_every_page(self):
        for look in self.looks():
            for page in PAGES:
                with self.subTest(page, look=look):
                    self.console.open(page)
                    self.find(f"{page} {look}")

    def test_a_long_text_scrolls_by_keys(self):
        """Its box is a stop of the Tab key as long as the box does not show all of it."""
        probe = self.server.log_in("probe-1", "keys", present=False)
        name = " ".join(["ATTEMPT"] * 32)
        console.publish(probe, "incidents/malware", name)
        box = ("[...document.querySelectorAll('td .cell')]"
               ".find((e) => e.textContent.startsWith('ATTEMPT ATTEMPT'))")
        self.console.open("topics/incidents%2Fmalware")
        self.console.look(375)
        found = self.console.wait(f"const box = {box}; return box?.tabIndex === 0 ? box : null")
        self.find("a long text")
        self.console.driver.execute_script("arguments[0].focus()", found)
        found.send_keys(Keys.PAGE_DOWN)
        self.console.wait(f"return {box}.scrollTop > 0")
        self.console.driver.execute_script("arguments[0].style.maxHeight = 'none'", found)
        self.console.wait(f"return !{box}.hasAttribute('tabindex')")

    def test_what_a_page_unfolds(self):
        for look in self.looks():
            self.console.open("api")
            self.console.expect("operations")
            self.console.driver.execute_script(
                "document.querySelectorAll('#page details').forEach((e, i) => {"
                "  if (i % 10 === 0) e.open = true; })")
            self.find(f"api {look}")

    def test_dialogues(self):
        for look in self.looks():
            for page, button in (("accounts", "Add an account…"),
                                 ("accounts?state=pending", f"Approve camera-3@{DOMAIN}"),
                                 (f"accounts/desk%40{DOMAIN}", "Edit…"),
                                 ("topics/incidents%2Fssh", "Delete…")):
                with self.subTest(page, look=look):
                    self.console.open(page)
                    self.console.press(button)
                    self.console.wait("return document.querySelector('dialog') !== null")
                    self.find(f"{page} {button} {look}")
                    self.console.press("Cancel", within="dialog")


if __name__ == "__main__":
    unittest.main()
