# tests/integration/ipv6_strangers.py: run inside a network namespace by test_strangers.py.
"""Prints what it saw as JSON in the last line; 77: the machine cannot do it."""

import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from gridd import DOMAIN, Evaluation, Operated   # noqa: E402
from policies import EVERYTHING   # noqa: E402
from raw import Raw   # noqa: E402
from strangers import alive   # noqa: E402


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print("ip " + " ".join(arguments) + ": " + done.stderr.strip())
        sys.exit(77)


def connect(family, source, address):
    one = socket.socket(family, socket.SOCK_STREAM)
    one.settimeout(20)
    one.bind((source, 0))
    one.connect(address)
    return one


def crowd():
    for network in ("1", "2"):
        for host in range(1, 5):
            ip("-6", "addr", "add", f"2001:db8:{network}::{host}/64", "dev", "lo", "nodad")
    server = Operated(
        EVERYTHING,
        {"accounts.auto_approve": "true", "listen.c2s": "[::]:0",
         "limits.pre_auth_per_address_max": "20"},
    )
    try:
        server.start()
        port = server.c2s[1]
        found, held = {}, []
        for name, family, sources, target in (
            ("one_network", socket.AF_INET6, [f"2001:db8:1::{n}" for n in range(1, 5)], "::1"),
            ("other_network", socket.AF_INET6, ["2001:db8:2::1"], "::1"),
            ("mapped", socket.AF_INET, ["127.0.0.5"], "127.0.0.1"),
        ):
            mine = [connect(family, sources[n % len(sources)], (target, port)) for n in range(60)]
            held += mine
            found[name] = len(alive(mine, 1))
        bundle = server.authority.client(f"honest@{DOMAIN}")
        with Raw(("::1", port), DOMAIN).login(bundle):
            found["honest"] = True
        for one in held:
            one.close()
        return found
    finally:
        server.close()


def no_ipv6():
    try:
        for name in ("all", "default", "lo"):
            switch = f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6"
            with open(switch, "w", encoding="ascii") as file:
                file.write("1")
    except OSError as error:
        print(f"IPv6 cannot be switched off here: {error}")
        sys.exit(77)
    server = Evaluation(
        {"listen.c2s": "[::]:0", "listen.c2s_tls": "[::]:0", "listen.http": "[::]:0",
         "listen.socks5": "[::]:0"}
    )
    try:
        server.start()
        found = {"health": server.gridctl("health").returncode}
        os.unlink(os.path.join(server.data, "run", "health.sock"))
        found["health_without_socket"] = server.gridctl("health").returncode
        found["status"] = server.gridctl("status").returncode
        return found
    finally:
        server.close()


if __name__ == "__main__":
    ip("link", "set", "lo", "up")
    print(json.dumps(crowd() if sys.argv[1] == "crowd" else no_ipv6()))
