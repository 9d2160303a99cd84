# tests/integration/test_sign_in.py: the console by password and second factor.
"""A browser without a certificate: what signs it in, what ends that, and what attacks get."""

import base64
import concurrent.futures
import hashlib
import hmac
import os
import re
import struct
import time
import unittest

import browser
import console
from gridd import DOMAIN
from policies import EVERYTHING

STEP = 30
COOKIE = "__Host-gridd"
ORIGIN = "https://{}:{}"


def code_of(secret, step):
    """RFC 6238, by nothing of ours."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class SignIn(unittest.TestCase):
    settings = {}
    name = "ann"
    role = "operators"

    def setUp(self):
        self.server = console.Administered(
            EVERYTHING, {"sasl.passwords": "true", "console.password_sign_in": "true"}
            | self.settings
        )
        self.addCleanup(self.server.close)
        self.server.start().stay()   # a sign-in is known to the member that took it
        self.used = {}
        self.secrets, self.recovery = {}, {}
        self.add(self.name, self.role)

    def add(self, name, role):
        jid = f"{name}@{DOMAIN}"
        self.server.rest(
            "POST", "accounts", {"jid": jid, "groups": [role], "password": f"{name} pencil"}
        )
        made = self.server.rest("PUT", f"accounts/{jid}/second-factor", {})
        self.secrets[name], self.recovery[name] = made["secret"], made["recovery_codes"]
        self.assertEqual(
            made["uri"].split("?")[1],
            f"secret={made['secret']}&issuer=gridd%20{DOMAIN}&algorithm=SHA1&digits=6&period=30",
        )

    def ask(self, method, path, body=None, token=None, csrf=None, **headers):
        """As a page of the console does, unless `headers` say otherwise."""
        given = {}
        if method != "GET":
            given["Origin"] = ORIGIN.format(DOMAIN, self.server.http[1])
            given["Sec-Fetch-Site"] = "same-origin"
        if token is not None:
            given["Cookie"] = f"other=1; {COOKIE}={token}"
        if csrf is not None:
            given["X-CSRF-Token"] = csrf
        for name, value in headers.items():
            given[name.replace("_", "-")] = value
        given = {name: value for name, value in given.items() if value is not None}
        return console.ask(self.server, method, path, None, body, given)

    def fresh_code(self, name):
        """A code that was not taken yet: of this step, or of the next one, which is as good."""
        step = int(time.time()) // STEP
        last = self.used.get(name, 0)
        while last > step:
            time.sleep(0.2)
            step = int(time.time()) // STEP
        self.used[name] = max(step, last + 1)
        return code_of(self.secrets[name], self.used[name])

    def try_sign_in(self, name=None, password=None, code=None, **more):
        name = name or self.name
        body = {"account": name, "password": password or f"{name} pencil",
                "code": code or self.fresh_code(name)}
        return self.ask("POST", "/api/v1/session", body, **more)

    def sign_in(self, name=None, **more):
        answer = self.try_sign_in(name, **more)
        self.assertEqual(answer.status, 200, answer.body)
        token = re.search(rf"{COOKIE}=([^;]*)", answer.headers["Set-Cookie"]).group(1)
        return token, answer.json()["csrf"]

    def is_signed_in(self, token):
        return self.ask("GET", "/api/v1/status", token=token).status == 200


class Entry(SignIn):
    def test_a_browser_signs_in_and_out(self):
        answer = self.ask("GET", "/api/v1/status")
        self.assertEqual((answer.status, answer.json()["code"]), (401, "sign-in-required"))
        answer = self.try_sign_in()
        self.assertEqual(answer.status, 200, answer.body)
        cookie = answer.headers["Set-Cookie"]
        self.assertRegex(cookie, rf"^{COOKIE}=[0-9a-f]{{64}}; ")
        for word in ("Path=/", "Secure", "HttpOnly", "SameSite=Strict"):
            self.assertIn(word, cookie)
        self.assertNotIn("Domain", cookie)
        self.assertEqual(answer.json()["account"], f"ann@{DOMAIN}")
        self.assertEqual(answer.json()["role"], "operator")
        token, csrf = re.search("=([0-9a-f]+)", cookie).group(1), answer.json()["csrf"]
        status = self.ask("GET", "/api/v1/status", token=token).json()
        self.assertEqual(status["administrator"], f"ann@{DOMAIN}")
        self.assertEqual((status["role"], status["signed_in"]), ("operator", "password"))
        self.assertEqual(self.ask("GET", "/metrics", token=token).status, 200)
        shown = self.ask("GET", "/api/v1/session", token=token)
        self.assertEqual(shown.json()["csrf"], csrf)
        # The role's acts, and no others.
        self.add("bob", "auditors")
        path = f"/api/v1/accounts/bob@{DOMAIN}/disable"
        self.assertEqual(self.ask("POST", path, {}, token, csrf).status, 403)   # has a role
        self.server.rest("POST", "accounts", {"jid": f"tom@{DOMAIN}"})
        path = f"/api/v1/accounts/tom@{DOMAIN}/disable"
        self.assertEqual(self.ask("POST", path, {}, token, csrf).status, 200)
        record = self.server.rest("GET", f"audit?account=tom@{DOMAIN}&operation=account-disable")
        self.assertEqual(record["records"][0]["actor"], f"ann@{DOMAIN}")
        out = self.ask("DELETE", "/api/v1/session", {}, token, csrf)
        self.assertEqual(out.status, 200, out.body)
        self.assertRegex(out.headers["Set-Cookie"], rf"^{COOKIE}=; .*Max-Age=0")
        self.assertFalse(self.is_signed_in(token))
        signed = self.server.rest("GET", f"audit?account=ann@{DOMAIN}&operation=sign-in")
        self.assertEqual(len(signed["records"]), 1)
        deadline = time.monotonic() + 30
        while not self.server.rest(
            "GET", f"audit?account=ann@{DOMAIN}&operation=sign-out"
        )["records"]:
            self.assertLess(time.monotonic(), deadline, "it is not on record")
            time.sleep(0.1)

    def test_an_account_without_a_role_or_a_second_factor_stays_outside(self):
        self.add("plain", "staff")
        self.assertEqual(self.try_sign_in("plain").status, 401)
        self.server.rest("POST", "accounts", {"jid": f"one@{DOMAIN}", "groups": ["auditors"],
                                              "password": "one pencil"})
        self.assertEqual(self.try_sign_in("one", code="000000").status, 401)
        jid = f"ann@{DOMAIN}"
        self.server.rest("DELETE", f"accounts/{jid}/second-factor")
        self.assertEqual(self.try_sign_in().status, 401)
        self.assertEqual(self.ask("POST", "/api/v1/session", {"account": "ann"}).status, 400)
        self.assertEqual(self.ask("POST", "/api/v1/session", {}).status, 400)
        self.assertEqual(self.ask("PUT", "/api/v1/session", {}).status, 405)

    def test_a_recovery_code_signs_in_once(self):
        code = self.recovery["ann"][2]
        token, _ = self.sign_in(code=code.upper())
        self.assertTrue(self.is_signed_in(token))
        self.assertEqual(self.try_sign_in(code=code).status, 401)
        self.server.kill9()
        self.server.start()
        self.assertEqual(self.try_sign_in(code=code).status, 401)
        self.sign_in(code=self.recovery["ann"][3])

    def test_what_ends_a_sign_in(self):
        jid = f"ann@{DOMAIN}"

        def again():   # by codes that are not bound to a time
            made = self.server.rest("PUT", f"accounts/{jid}/second-factor", {})
            self.recovery["ann"] = made["recovery_codes"]

        changes = {
            "disable": lambda: self.server.rest("POST", f"accounts/{jid}/disable"),
            "role": lambda: self.server.rest(
                "PUT", f"accounts/{jid}/groups", {"groups": ["auditors"]}),
            "password": lambda: self.server.rest(
                "PUT", f"accounts/{jid}/password", {"password": "ann pencil"}),
            "factor": again,
            "restart": lambda: (self.server.kill9(), self.server.start()),
        }
        for name, change in changes.items():
            with self.subTest(name):
                again()
                token, _ = self.sign_in(code=self.recovery["ann"][0])
                self.assertTrue(self.is_signed_in(token))
                change()
                self.assertFalse(self.is_signed_in(token))
                if name == "disable":
                    self.server.rest("POST", f"accounts/{jid}/enable")
                    self.assertFalse(self.is_signed_in(token), "it is over for good")

    def test_an_account_that_is_pinned_to_a_key_is_signed_out(self):
        token, _ = self.sign_in()
        self.server.rest("PATCH", f"accounts/ann@{DOMAIN}", {"key_pin": "a" * 64})
        self.assertEqual(self.ask("GET", "/api/v1/session", token=token).status, 401)
        self.assertFalse(self.is_signed_in(token))
        self.server.rest("PATCH", f"accounts/ann@{DOMAIN}", {"key_pin": ""})
        self.assertFalse(self.is_signed_in(token), "it is over for good")

    def test_it_is_off_unless_it_is_wanted(self):
        self.server.stop()
        self.server.settings["console.password_sign_in"] = "false"
        self.server.start()
        answer = self.try_sign_in()
        self.assertEqual((answer.status, answer.json()["code"]), (401, "certificate-required"))
        self.assertEqual(self.ask("GET", "/api/v1/status", token="0" * 64).status, 401)


class Attacks(SignIn):
    def test_csrf(self):
        token, csrf = self.sign_in()
        path, body = f"/api/v1/accounts/tom@{DOMAIN}/disable", {}
        self.server.rest("POST", "accounts", {"jid": f"tom@{DOMAIN}"})
        refused = [
            {"csrf": None}, {"csrf": ""}, {"csrf": "0" * len(csrf)}, {"csrf": csrf[:-1]},
            {"csrf": csrf, "Origin": "https://evil.example"},
            {"csrf": csrf, "Origin": "null"},
            {"csrf": csrf, "Sec_Fetch_Site": "cross-site"},
            {"csrf": csrf, "Sec_Fetch_Site": "same-site"},
            {"csrf": csrf, "Origin": None, "Sec_Fetch_Site": None},
        ]
        for more in refused:
            with self.subTest(more):
                answer = self.ask("POST", path, body, token, **more)
                self.assertEqual(answer.status, 403, answer.body)
                self.assertIn(answer.json()["code"], ("csrf-token", "foreign-origin"))
        # A form of another site can send these.
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            answer = self.ask("POST", path, body, token, csrf, Content_Type=kind)
            self.assertEqual(answer.status, 415)
        # Signing in, and out, are changes, too: nobody is put into an account of another's choice.
        answer = self.try_sign_in(code="000000", Origin="https://evil.example")
        self.assertEqual((answer.status, answer.json()["code"]), (403, "foreign-origin"))
        self.assertEqual(self.ask("DELETE", "/api/v1/session", {}, token).status, 403)
        read = self.ask("GET", "/api/v1/accounts", token=token, Sec_Fetch_Site="cross-site")
        self.assertEqual(read.status, 403)
        self.assertNotIn("Access-Control-Allow-Origin", read.headers)
        self.assertEqual(self.ask("POST", path, body, token, csrf).status, 200)

    def test_clickjacking(self):
        token, _ = self.sign_in()
        for path in ("/console/", "/console/app.js", "/api/v1/status", "/api/v1/session",
                     "/metrics", "/"):
            answer = self.ask("GET", path, token=token)
            with self.subTest(path):
                self.assertEqual(answer.headers["X-Frame-Options"], "DENY")
                if answer.status != 302:
                    self.assertIn(
                        "frame-ancestors 'none'", answer.headers["Content-Security-Policy"]
                    )

    def test_open_redirect(self):
        for path in ("/", "/?next=https://evil.example", "/console", "/console?to=//evil.example",
                     "/console#//evil.example", "//evil.example/", "/\\evil.example",
                     "/console//evil.example", "/api/v1/session?next=https://evil.example"):
            for method in ("GET", "HEAD"):
                answer = self.ask(method, path, Origin=None, Sec_Fetch_Site=None)
                with self.subTest(path, method=method):
                    self.assertIn(answer.headers.get("Location"), (None, "/console/"))
        answer = self.try_sign_in()
        self.assertIsNone(answer.headers.get("Location"))

    def test_session_fixation(self):
        planted = "f" * 64
        token, _ = self.sign_in(token=planted)
        self.assertNotEqual(token, planted)
        self.assertFalse(self.is_signed_in(planted))
        # A sign-in over an earlier one ends that, also when it is another account's.
        self.add("bob", "auditors")
        second, _ = self.sign_in("bob", token=token)
        self.assertNotEqual(second, token)
        self.assertFalse(self.is_signed_in(token))
        answer = self.ask("GET", "/api/v1/status", token=second)
        self.assertEqual(answer.json()["administrator"], f"bob@{DOMAIN}")
        # Two cookies of the name: one may be planted, so neither counts.
        both = self.ask("GET", "/api/v1/status", Cookie=f"{COOKIE}={second}; {COOKIE}={planted}")
        self.assertEqual(both.status, 401)

    def test_totp_replay(self):
        code = self.fresh_code("ann")
        self.sign_in(code=code)
        self.assertEqual(self.try_sign_in(code=code).status, 401)
        # Nor is one of an earlier step taken behind it.
        earlier = code_of(self.secrets["ann"], self.used["ann"] - 1)
        self.assertEqual(self.try_sign_in(code=earlier).status, 401)
        self.server.kill9()
        self.server.start()
        self.assertEqual(self.try_sign_in(code=code).status, 401)
        far = code_of(self.secrets["ann"], self.used["ann"] + 10)
        self.assertEqual(self.try_sign_in(code=far).status, 401)
        self.sign_in()   # with the next one

    def test_one_code_for_two_at_once(self):
        code = self.fresh_code("ann")
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda _: self.try_sign_in(code=code).status, range(6)))
        self.assertEqual(sorted(answers), [200] + [401] * 5)

    def test_brute_force(self):
        statuses = [self.try_sign_in(code=f"{number:06}").status for number in range(12)]
        self.assertEqual(statuses[:10], [401] * 10)
        self.assertEqual(statuses[10:], [429] * 2)
        # The right code is not looked at now, either. One goes back in half a minute.
        refused = self.try_sign_in()
        self.assertEqual(refused.status, 429)
        self.assertRegex(refused.headers["Retry-After"], "^(2[0-9]|30)$")
        # An account that is not there is treated alike, and the address is counted, too.
        unknown = [self.try_sign_in("nobody", code="1").status for _ in range(12)]
        self.assertEqual(unknown, [401] * 10 + [429] * 2)
        others = [self.try_sign_in(f"no{number}", code="1").status for number in range(40)]
        self.assertEqual(others[-1], 429)

    def test_unknown_accounts_look_like_known_ones(self):
        known = self.try_sign_in(code="000000")
        for name, password in (("ann", "wrong"), ("nobody", "wrong"), ("no body", "wrong"),
                               (f"ann@other.{DOMAIN}", "wrong"), ("ann\u0000", "wrong")):
            answer = self.try_sign_in(name, password, code="000000")
            with self.subTest(name):
                self.assertEqual((answer.status, answer.body), (known.status, known.body))


class WithoutCertificate(browser.Browser):
    """It trusts the CA, and has no certificate to show."""

    def _import(self, bundle):
        store = os.path.join(self.home, ".pki", "nssdb")
        os.makedirs(store)
        browser.run("certutil", "-d", f"sql:{store}", "-N", "--empty-password")
        browser.run("certutil", "-d", f"sql:{store}", "-A", "-n", "grid", "-t", "C,,", "-i",
                    bundle.ca)


class Shown(console.Console):
    def __init__(self, server, bundle):   # pylint: disable=super-init-not-called
        self.site = f"https://{DOMAIN}:{server.http[1]}"
        self.browser = WithoutCertificate(bundle, [])
        self.driver = self.browser.driver
        self.driver.set_page_load_timeout(60)


@unittest.skipIf(browser.missing(), f"not installed: {browser.missing()}")
class Page(SignIn):
    def type(self, **fields):
        for name, text in fields.items():
            field = self.shown.driver.find_element("id", f"sign-in-{name}")
            field.clear()
            field.send_keys(text)

    def test_the_page_signs_in_and_out(self):
        self.server.rest("POST", "accounts", {"jid": f"tom@{DOMAIN}"})
        self.shown = Shown(self.server, self.server.admin)
        self.addCleanup(self.shown.close)
        self.shown.look(1440)
        self.shown.open("accounts")
        self.shown.expect("Code of your authenticator")
        self.shown.picture("sign-in-by-password-1440")
        self.shown.look(375)
        self.shown.picture("sign-in-by-password-375")
        self.shown.look(1440)
        self.type(account="ann", password="ann pencil", code="000000")
        self.shown.press("Sign in")
        self.shown.expect("the account, its password or its code is wrong")
        self.type(code=self.fresh_code("ann") + "\n")   # Enter is enough
        self.shown.expect(f"ann@{DOMAIN}", "#who")
        self.shown.expect("operator", "#who")
        self.assertEqual(self.shown.driver.execute_script("return document.cookie"), "")
        self.assertEqual(self.shown.driver.execute_script(
            "return localStorage.length + sessionStorage.length"), 0)
        # A change, with the token that the page asks for.
        done = self.shown.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "import('/console/lib/api.js').then(({ send }) => "
            "send('POST', 'accounts/' + arguments[0] + '/disable'))"
            ".then((account) => done(account.state), (error) => done(error.message))",
            f"tom@{DOMAIN}",
        )
        self.assertEqual(done, "disabled")
        self.shown.press("Sign out", within="#who")
        self.shown.expect("Code of your authenticator")
        self.assertNotIn(f"ann@{DOMAIN}", self.shown.text("body"))


class Short(SignIn):
    settings = {"console.idle_minutes": "1"}

    def test_the_bounds_are_told(self):
        token, _ = self.sign_in()
        shown = self.ask("GET", "/api/v1/session", token=token).json()
        self.assertEqual(shown["idle_seconds"], 60)
        self.assertLessEqual(shown["seconds_left"], 12 * 3600)


class Configuration(unittest.TestCase):
    def test_it_needs_passwords(self):
        server = console.Administered(EVERYTHING, {"console.password_sign_in": "true"})
        self.addCleanup(server.close)
        with self.assertRaises(AssertionError) as refused:
            server.start()
        self.assertIn("console.password_sign_in needs sasl.passwords", str(refused.exception))


if __name__ == "__main__":
    unittest.main()
