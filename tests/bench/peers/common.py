# tests/bench/peers/common.py: the common parts of the scripts that start a peer.
"""Each script writes a configuration into a directory, says in a ready file where the server will
listen, and then becomes the server (exec), so that the server's process id is the script's own and
it ends with a signal to that id. Nothing is installed as a service and nothing is written outside
the directory."""

import argparse
import json
import os
import resource
import socket
import sys


def arguments(about, **flags):
    """The command line of every peer, and `flags` of this one, by name, with their help."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--dir", required=True, help="configuration, data and log; must not exist")
    parser.add_argument("--certs", required=True, help="directory made by benchcerts")
    parser.add_argument("--domain", default="grid.localhost")
    parser.add_argument("--publishers", type=int, default=200,
                        help="identities that may create nodes, from bench-00001 on")
    parser.add_argument("--ready-file", required=True)
    for flag, text in flags.items():
        parser.add_argument("--" + flag, action="store_true", help=text)
    options = parser.parse_args()
    options.dir = os.path.abspath(options.dir)
    options.certs = os.path.abspath(options.certs)
    os.makedirs(options.dir)
    return options


def free_ports(count):
    """Ports of 127.0.0.1 that nobody listens on now, below the range for outgoing connections."""
    found = []
    for port in range(20000 + os.getpid() % 5000, 32000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    sys.exit("no free ports")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def server_pem(options):
    """Certificate and key in one file, in the server's own directory."""
    path = os.path.join(options.dir, "server.pem")
    parts = [open(os.path.join(options.certs, name), encoding="ascii").read()
             for name in ("server.pem", "server.key")]
    write(path, "".join(parts))
    return path


def become(command, options, ready, environment=None):
    """Replaces this process by the server, with all the file descriptors that are allowed."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    write(options.ready_file, json.dumps({"pid": os.getpid(), **ready}))
    os.chdir(options.dir)
    log = os.open(os.path.join(options.dir, "output.log"),
                  os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.execvpe(command[0], command, {**os.environ, **(environment or {})})
