# tests/integration/cluster/liar.py: an endpoint of etcd that answers what a test likes.
"""Over HTTP on loopback; between one member and one real etcd."""

import http.client
import http.server
import json
import select
import socket
import threading

REVISIONS = {"late": str(2**64 - 1), "early": "1"}


class Liar:
    """`way`: None, the truth; else what becomes of an answer: 'cut', 'huge', 'empty' ({}), 'words',
    'html', 'stale' (the first answer of that path since then, for ever), 'silent', 'deep', 'slow'
    (byte after byte), 'bare' (its header alone), 'twice' (and once more the one before it), 'late'
    (a revision that no etcd can have), 'early' (the first revision)."""

    def __init__(self, etcd):
        self.etcd, self.way = etcd, None
        self.answers = 0
        self.first = {}
        self.before = b"{}"   # the answer before
        self.stopped = threading.Event()
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):   # pylint: disable=arguments-differ
                pass

            def do_POST(self):   # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    if self.path == "/v3/watch":
                        liar.pass_watch(self, body)
                    else:
                        liar.answer(self, body)
                except OSError:
                    self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

            def handle_error(self, *_):   # a member has closed its connection
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def lie(self, way):
        self.first = {}
        self.answers = 0
        self.way = way

    def truth(self, path, body):
        connection = http.client.HTTPConnection(*self.etcd.client, timeout=10)
        try:
            connection.request("POST", path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def answer(self, handler, body):
        way = self.way
        status, text = self.truth(handler.path, body)
        self.answers += 1
        if way == "silent":
            self.stopped.wait(30)
            handler.close_connection = True
            return
        if way == "slow":
            self.drip(handler, status, text)
            return
        if way == "stale":
            status, text = self.first.setdefault((handler.path, body), (status, text))
        text = {
            "empty": b"{}", "words": b"\"no object\"", "html": b"<html>502</html>",
            "deep": b'{"header":' * 100_000,
        }.get(way, text)
        if way in REVISIONS or way == "bare":
            text = self.changed(way, text)
        if way == "huge":
            text = b'{"header":{"revision":"1"},"kvs":"' + b"x" * (70 << 20) + b'"}'
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text[:len(text) // 2] if way == "cut" else text)
        handler.close_connection = way == "cut"
        if way == "twice":
            handler.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self.before) + self.before
            )
        self.before = text

    def drip(self, handler, status, text):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        for place in range(len(text)):
            if self.stopped.wait(0.2):
                return
            handler.wfile.write(text[place:place + 1])

    @staticmethod
    def changed(way, text):
        """The answer with another header, or with nothing else."""
        try:
            answer = json.loads(text)
        except ValueError:
            return text
        header = answer.get("header", {})
        if way == "bare":
            answer = {"header": header}
        if way in REVISIONS:
            header["revision"] = REVISIONS[way]
        return json.dumps(answer).encode()

    def pass_watch(self, handler, body):
        """The bytes as they come, or chunks of lies in their place."""
        handler.close_connection = True
        near = handler.connection
        with socket.create_connection(self.etcd.client, 10) as far:
            far.sendall(
                b"POST /v3/watch HTTP/1.1\r\nHost: etcd\r\nContent-Type: application/json\r\n"
                + b"Content-Length: %d\r\n\r\n" % len(body) + body
            )
            while not self.stopped.is_set():
                ready, _, _ = select.select([near, far], [], [], 0.5)
                if near in ready:   # the member goes: there is nothing else to say
                    return
                if far not in ready:
                    continue
                more = far.recv(65536)
                if not more:
                    return
                if self.way == "silent":
                    continue
                if self.way == "cut":
                    near.sendall(more[:len(more) // 2])
                    return
                lie = {
                    "huge": b"x" * (40 << 20), "words": b"17\n", "html": b"<html>\n",
                    "empty": b"{}\n", "deep": b'{"result":' * 50_000 + b"\n",
                }.get(self.way)
                near.sendall(b"%x\r\n%s\r\n" % (len(lie), lie) if lie else more)

    def close(self):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
