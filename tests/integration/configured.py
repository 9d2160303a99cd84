# tests/integration/configured.py: a server whose options are in a file that can be written anew.
"""For what an operator changes while the server runs."""

import http.client
import json
import os
import shutil
import ssl

from gridd import ADMIN, DOMAIN, Gridd, Operated, skip_in_a_cluster


def toml(value):
    return str(value) if str(value) in ("true", "false") else json.dumps(value)


class Configured(Operated):
    """Its options stand in gridd.toml, one a line. Its certificate and key are copies in a folder
    of their own, so that another one can take their place."""

    def __init__(self, policy, settings=None):
        skip_in_a_cluster("the configuration of one server")
        super().__init__(policy, settings)
        self.config = os.path.join(self.folder, "gridd.toml")
        self.live = os.path.join(self.folder, "live")
        os.mkdir(self.live)
        self.certificate = os.path.join(self.live, "server.crt")
        self.key = os.path.join(self.live, "server.key")
        shutil.copy(self.settings["tls.certificate"], self.certificate)
        shutil.copy(self.settings["tls.key"], self.key)
        self.options, self.settings = self.settings, {}
        self.options["tls.certificate"] = self.certificate
        self.options["tls.key"] = self.key
        self.policy = self.options["policy.file"]
        self.configure()

    def configure(self, **changes):
        """Writes the file anew; dots in names are `__`, and None takes an option out."""
        for name, value in changes.items():
            key = name.replace("__", ".")
            if value is None:
                self.options.pop(key, None)
            else:
                self.options[key] = value
        text = "".join(f"{key} = {toml(value)}\n" for key, value in self.options.items())
        replace(self.config, text)

    def line(self, key):
        return list(self.options).index(key) + 1

    def start(self):
        if not os.path.exists(self.data):
            os.mkdir(self.data, 0o700)
            self.ctl("admin", "add", ADMIN)
        return Gridd.start(self, config=self.config)

    def fresh(self):
        """Another certificate of the same CA, not in use yet."""
        return self.authority.server(DOMAIN)

    def install(self, bundle):
        shutil.copy(bundle.cert, self.certificate)
        shutil.copy(bundle.key, self.key)

    def shown(self):
        """The certificate that a handshake by HTTPS shows, as DER."""
        with Rest(self) as rest:
            return rest.connection.sock.getpeercert(binary_form=True)


def replace(path, text):
    """As an editor saves: another file is renamed into the place."""
    with open(path + "~", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + "~", path)


def der(path):
    with open(path, encoding="ascii") as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


class Rest:
    """One connection of the administrator, or of another identity."""

    def __init__(self, server, identity=None):
        identity = identity or server.admin
        context = ssl.create_default_context(cafile=server.authority.path)
        context.check_hostname = False
        context.load_cert_chain(identity.cert, identity.key)
        self.connection = http.client.HTTPSConnection(*server.http, timeout=60, context=context)
        self.connection.connect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, method, path):
        """The status, and the JSON of the answer."""
        self.connection.request(
            method, "/api/v1/" + path, headers={"Content-Type": "application/json"}
        )
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())
