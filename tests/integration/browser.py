# tests/integration/browser.py: headless Chromium with one user's certificate and home directory.
"""Chromium has its certificates in an NSS database below HOME, and shows one unasked where its
profile says so for the site: a person would choose it in a dialogue."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
except ImportError:   # missing() says so
    webdriver = None

PROGRAMS = ("chromium", "chromedriver", "certutil", "pk12util")
PASSWORD = "transport"   # of a file that lives as long as its import


def missing():
    """What there is to install, or ""."""
    names = [name for name in PROGRAMS if not shutil.which(name)]
    names += [] if webdriver else ["python3-selenium"]
    return ", ".join(names)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@dataclass(frozen=True)
class NoCertificate:
    """The bundle of a browser that has none: it is asked nothing, and shows nothing."""

    ca: str


class Browser:
    """It trusts the bundle's CA, and shows the bundle's certificate to `sites`, to others none."""

    def __init__(self, bundle, sites):
        self.home = tempfile.mkdtemp(prefix="gridd-browser-")
        self._import(bundle)
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage",
                         "--no-first-run", "--disable-background-networking",
                         f"--user-data-dir={self.home}/profile"):
            options.add_argument(argument)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")   # Chromium's is for users
        options.add_experimental_option("prefs", {
            "profile.managed_auto_select_certificate_for_urls": [
                json.dumps({"pattern": site, "filter": {}}) for site in sites
            ],
        })
        env = {**os.environ, "HOME": self.home, "XDG_CONFIG_HOME": f"{self.home}/config",
               "XDG_CACHE_HOME": f"{self.home}/cache"}
        service = Service(shutil.which("chromedriver"), env=env, log_path=f"{self.home}/log")
        try:
            self.driver = webdriver.Chrome(service=service, options=options)
        except BaseException:
            shutil.rmtree(self.home, ignore_errors=True)
            raise
        self.driver.set_script_timeout(60)

    def _import(self, bundle):
        store = os.path.join(self.home, ".pki", "nssdb")
        os.makedirs(store)
        database = f"sql:{store}"
        run("certutil", "-d", database, "-N", "--empty-password")
        run("certutil", "-d", database, "-A", "-n", "grid", "-t", "C,,", "-i", bundle.ca)
        if isinstance(bundle, NoCertificate):
            return
        packed = os.path.join(self.home, "client.p12")
        run("openssl", "pkcs12", "-export", "-in", bundle.cert, "-inkey", bundle.key,
            "-name", "client", "-passout", f"pass:{PASSWORD}", "-out", packed)
        run("pk12util", "-d", database, "-i", packed, "-W", PASSWORD)
        os.unlink(packed)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.home, ignore_errors=True)

    # --- pages --------------------------------------------------------------------------------

    def new_tab(self):
        """Without anything that the page before it has stored for itself."""
        old = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        new = self.driver.current_window_handle
        self.driver.switch_to.window(old)
        self.driver.close()
        self.driver.switch_to.window(new)

    def console(self):
        """What the browser has complained of."""
        return "\n".join(entry["message"] for entry in self.driver.get_log("browser"))

    def open(self, url):
        self.driver.get(url)

    def lines(self, which):
        """The texts of a list of the page."""
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
        return self.driver.execute_script(script, f"#{which} li")

    def expect(self, which, *begins, seconds=60):
        """Waits until the list has a line that is one of these, or begins with one and a blank."""
        deadline = time.monotonic() + seconds
        while True:
            lines = self.lines(which)
            for line in lines:
                if any(line == begin or line.startswith(begin + " ") for begin in begins):
                    return line
            assert time.monotonic() < deadline, (
                f"no {begins} in {lines}; {self.driver.current_url}: "
                f"{self.console()}"
            )
            time.sleep(0.05)

    def text(self, element):
        return self.driver.find_element(By.ID, element).text

    def type(self, element, text):
        field = self.driver.find_element(By.ID, element)
        field.clear()
        field.send_keys(text)
        field.submit()

    def run(self, body):
        """The value that this JavaScript, which may wait, returns in the page."""
        script = (
            "const done = arguments[arguments.length - 1];"
            f"(async () => {{ {body} }})().then(done, (error) => done('error: ' + error));"
        )
        return self.driver.execute_async_script(script)
