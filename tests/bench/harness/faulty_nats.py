# tests/bench/harness/faulty_nats.py: a NATS server with a fault, for tests/bench/selfcheck.
import json
import os
import socket
import ssl
import threading


class FaultyNats:
    """As much of NATS and JetStream as gridload uses, over TLS; wrong at every 100th publish.

    Faults of a stream: "skipped", "repeated" (its place), "refused", "unanswered"; of core NATS:
    "drop", "twice". None with ""."""

    def __init__(self, certs, fault):
        self.fault, self.count = fault, 0
        self.subscribers = {}   # by subject, what they are written to
        self.lock = threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(os.path.join(certs, "server.pem"),
                                     os.path.join(certs, "server.key"))
        self.context.load_verify_locations(os.path.join(certs, "ca.pem"))
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return   # closed
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as secure:
                secure.sendall(b"INFO {}\r\n")
                reader = secure.makefile("rb")
                while line := reader.readline():
                    self._take(secure, line.split(), reader)
        except OSError:
            pass   # gridload ends as it likes

    def _take(self, secure, words, reader):
        with self.lock:   # of all connections: what is written stays whole
            if words[0] == b"PING":
                secure.sendall(b"PONG\r\n")
            elif words[0] == b"SUB":
                self.subscribers.setdefault(words[1], []).append(secure)
            elif words[0] == b"PUB":
                payload = reader.read(int(words[-1]) + 2)[:-2]
                if words[1].startswith(b"$JS.API."):
                    send(secure, words[2], b"{}")
                elif len(words) == 4:
                    self._acknowledge(secure, words[1], words[2])
                else:
                    self._deliver(words[1], payload)

    def _is_wrong(self, fault):
        return self.fault == fault and self.count % 100 == 0

    def _acknowledge(self, secure, stream, reply):
        self.count += 1
        place = self.count + self._is_wrong("skipped") - self._is_wrong("repeated")
        answer = {"stream": stream.decode(), "seq": place}
        if self._is_wrong("refused"):
            answer = {"error": {"code": 503, "err_code": 10077, "description": "no"}, **answer}
        if not self._is_wrong("unanswered"):
            send(secure, reply, json.dumps(answer, separators=(",", ":")).encode())

    def _deliver(self, subject, payload):
        self.count += 1
        times = 0 if self._is_wrong("drop") else 2 if self._is_wrong("twice") else 1
        for secure in self.subscribers.get(subject, []):
            for _ in range(times):
                send(secure, subject, payload)


def send(secure, subject, payload):
    secure.sendall(b"MSG %s 1 %d\r\n%s\r\n" % (subject, len(payload), payload))
