# tests/integration/manual.py: runs the commands of a chapter of conf/manual as its reader would.
"""manual.py [--show] CHAPTER…: in a fresh directory, in a network of its own in which the ports are
free and grid.example is this machine; --show prints what each command says. The blocks of a
chapter are run in order. The info string of a block says how:

    console             lines after "$ " are commands, the others what they print: "…" is any
                        text, a line of "…" any lines; without lines any output will do
    sh                  a script, each command of which succeeds
    in=NAME             typed in a terminal of that name; what runs there is ended by Ctrl-C
    stays               its last command goes on running, and has printed the lines
    text in=NAME        what the program in that terminal prints now; ends: and then it ends
    until               each command is repeated until it prints its lines
    fails, fails=N      each command ends with another status than 0, with N
    file=NAME           the block is the file's text; append=NAME: is added to it
    no-run=REASON       not run; counted and listed

A chapter that begins with "Goes on from [X](x.md)" is run behind that one, in its directory."""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GRIDD_BUILD", os.path.join(ROOT, "build"))
FOLDER = os.path.join(ROOT, "conf", "manual")
SECONDS = int(os.environ.get("GRIDD_MANUAL_SECONDS", 180))   # for one command
NAMES = ["", "pubsub.", "broker.", "controller.", "proxy.", "bulk."]
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.M | re.S)
GOES_ON = re.compile(r"^Goes on from \[[^]]*\]\(([a-z-]+\.md)\)", re.M)
MARK = "\x1e"
LOOP = (
    "shopt -s expand_aliases; trap : INT; set -E; trap '__failed=1' ERR; "
    "while IFS= read -r -d '' -u %d __line; do __failed=0; eval \"$__line\"; __status=$?; "
    "printf '\\n\\036%%d %%d\\n' $__status $__failed; done"
)


class Wrong(Exception):
    """A command that does something else than the manual says."""


class Block:
    """A fenced block: its words, its text, its place."""

    def __init__(self, chapter, line, info, text):
        words = info.split()
        self.kind, self.text = (words or [""])[0], text
        self.place = f"{chapter}:{line}"
        self.words = dict(word.partition("=")[::2] for word in words[1:])

    @property
    def is_commands(self):
        return self.kind in ("console", "sh")

    def commands(self):
        """Each command with the lines that it prints."""
        if self.kind == "sh":
            return [(self.text, [])]
        found = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append([line[2:], []])
            elif found and found[-1][0].endswith("\\") and not found[-1][1]:
                found[-1][0] += "\n" + line
            elif found:
                found[-1][1].append(line)
            else:
                raise Wrong(f"{self.place}: a console block begins with '$ '")
        return found


def read(chapter):
    with open(os.path.join(FOLDER, chapter), encoding="utf-8") as file:
        return file.read()


def blocks_of(chapter):
    text = read(chapter)
    return [
        Block(chapter, text.count("\n", 0, found.start()) + 1, found[1], found[2])
        for found in FENCE.finditer(text)
    ]


def pattern_of(lines):
    """Of the lines that the manual shows."""
    out = ""
    for line in lines:
        if line.strip() == "…":
            out += r"(?:.*\n)*?"
        else:
            parts = " ".join(line.split()).split("…")
            out += ".*?".join(map(re.escape, parts)) + r"\n"
    return re.compile(out)


def plain(text):
    """Columns have one blank between them, and lines none at their end."""
    lines = text.removesuffix("\n").split("\n") if text else []
    return "".join(" ".join(line.split()) + "\n" for line in lines)


class Terminal:
    """A shell that keeps its variables and directory from command to command."""

    def __init__(self, folder, environment):
        reads, self.writes = os.pipe()
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-c", LOOP % reads],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=folder, env=environment, pass_fds=(reads,), start_new_session=True,
            # Tests in the background of a shell would hand it on as ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        os.close(reads)
        self.text, self.is_busy = "", False
        self.news = threading.Condition()
        self.reading = threading.Thread(target=self._read, daemon=True)
        self.reading.start()

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            with self.news:
                self.text += data.decode(errors="replace")
                self.news.notify_all()

    def type(self, command):
        if self.is_busy:
            self.interrupt()
        self.text = ""
        os.write(self.writes, command.encode() + b"\0")
        self.is_busy = True

    def _take(self, find, seconds=SECONDS):
        """What `find` makes of the text, as soon as that is something."""
        deadline = time.monotonic() + seconds
        with self.news:
            while (found := find(self.text)) is None:
                left = deadline - time.monotonic()
                if left < 0 or not self.news.wait(left):
                    raise Wrong(f"nothing more came within {seconds} s than:\n{self.text}")
            return found

    def end(self, seconds=SECONDS):
        """Output, status and whether a command of the script failed."""
        mark = re.compile(r"(.*?)\n?" + MARK + r"(\d+) (\d)\n", re.S)
        found = self._take(mark.search, seconds)
        with self.news:
            self.text = self.text[found.end():]
        self.is_busy = False
        return found[1], int(found[2]), found[3] == "1"

    def expect(self, lines):
        """The running program prints these lines; what came before them is passed over."""
        pattern = re.compile(r"^" + pattern_of(lines).pattern, re.M)

        def find(text):
            if MARK in text:
                raise Wrong(f"the program ended:\n{text}")
            shown = plain(text[: text.rfind("\n") + 1])
            found = pattern.search(shown)
            # Lines correspond; those behind the last one that was wanted are left for later.
            return found and (shown.count("\n", 0, found.end()), shown[: found.end()])

        lines_taken, shown = self._take(find)
        with self.news:
            self.text = self.text.split("\n", lines_taken)[-1]
        return shown

    def interrupt(self):
        """Ctrl-C, and again where the shell was between two commands. A program that does not hear
        it says where it stands, if it is one in Python."""
        for _ in range(SECONDS // 20):
            os.killpg(self.process.pid, signal.SIGINT)
            try:
                return self.end(20)
            except Wrong:
                continue
        os.killpg(self.process.pid, signal.SIGABRT)
        return self.end(5)

    def close(self):
        os.close(self.writes)
        for kind in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, kind)
                if kind == signal.SIGTERM:
                    self.process.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self.process.wait()
        self.reading.join()
        self.process.stdout.close()


class Reader:
    """Works through a chapter with as many terminals as it asks for."""

    def __init__(self, folder, shows=False):
        self.folder, self.shows = folder, shows
        self.terminals, self.count, self.left = {}, 0, []
        keep = ("LANG", "TERM", "TMPDIR", "LSAN_OPTIONS", "ASAN_OPTIONS")
        self.environment = {name: os.environ[name] for name in keep if name in os.environ}
        self.environment.update(
            HOME=folder, LC_ALL="C.UTF-8", PATH=BUILD + ":" + os.environ.get("PATH", ""),
            PYTHONDONTWRITEBYTECODE="1", PYTHONFAULTHANDLER="1",
        )

    def terminal(self, name):
        if name not in self.terminals:
            self.terminals[name] = Terminal(self.folder, self.environment)
        return self.terminals[name]

    def chapter(self, name):
        before = GOES_ON.search(read(name))
        if before:
            self.chapter(before[1])
        for block in blocks_of(name):
            try:
                self.block(block)
            except Wrong as wrong:
                raise Wrong(f"conf/manual/{block.place}: {wrong}") from None

    def block(self, block):
        for word, mode in (("file", "w"), ("append", "a")):
            if word in block.words:
                path = os.path.join(self.folder, block.words[word])
                with open(path, mode, encoding="utf-8") as file:
                    file.write(block.text)
                return
        name = block.words.get("in", "")
        left_out = block.words.get("no-run")
        if block.kind == "text" and name:
            self.output(block, self.terminal(name), name)
        elif block.is_commands and left_out:
            self.left += [(block.place, text, left_out) for text, _ in block.commands()]
        elif block.is_commands:
            self.commands(block, self.terminal(name), name)

    def output(self, block, terminal, name):
        if "ends" not in block.words:
            return self.show(name, "", terminal.expect(block.text.splitlines()))
        output, status, _ = terminal.end()
        self.show(name, "", output)
        if status != 0 or not pattern_of(["…", *block.text.splitlines()]).fullmatch(plain(output)):
            raise Wrong(f"the program ended with status {status} and\n{output}")

    def commands(self, block, terminal, name):
        commands = block.commands()
        for number, (command, lines) in enumerate(commands, 1):
            self.count += 1
            if "until" in block.words:
                self.wait_for(command, lines, terminal)
            terminal.type(command)
            if "stays" in block.words and number == len(commands):
                self.show(name, command, terminal.expect(lines) if lines else "")
                continue
            output, status, failed = terminal.end()
            self.show(name, command, output)
            wanted = block.words.get("fails")
            if wanted is None:
                is_good = status == 0 and not (failed and block.kind == "sh")
            else:
                is_good = status != 0 if wanted == "" else status == int(wanted)
            if not is_good:
                raise Wrong(f"status {status} of\n$ {command}\n{output}")
            if lines and not pattern_of(lines).fullmatch(plain(output)):
                shown = "\n".join(lines)
                raise Wrong(f"$ {command}\nprinted\n{output}\nand not\n{shown}")

    @staticmethod
    def wait_for(command, lines, terminal):
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            terminal.type(command)
            if pattern_of(lines).fullmatch(plain(terminal.end()[0])):
                return
            time.sleep(0.2)

    def show(self, name, command, output):
        if self.shows:
            at = f"[{name}] " if name else ""
            print(f"{at}$ {command.rstrip()}\n{output.rstrip()}", flush=True)

    def close(self):
        for terminal in self.terminals.values():
            terminal.close()


# --- a network of its own ---------------------------------------------------------------------


def way_in():
    """The command that gives a program a network and mounts of its own; None: there is none."""
    for way in (["unshare", "-n", "-m"], ["unshare", "-U", "-r", "-n", "-m"]):
        try:
            done = subprocess.run(
                way + ["sh", "-c", "mount --bind /etc/hosts /etc/hosts"],
                capture_output=True, timeout=60, check=False,
            )
        except OSError:
            return None
        if done.returncode == 0:
            return way
    return None


def settle(folder):
    """The loopback interface is up, and grid.example is this machine."""
    up = struct.pack("16sh", b"lo", 1 | 64)   # IFF_UP, IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, up)   # SIOCSIFFLAGS
    path = os.path.join(folder, "hosts")
    with open(path, "w", encoding="ascii") as file:
        file.write("127.0.0.1 localhost\n")
        # Not grid.localhost: that has to work where nothing resolves it.
        file.write("127.0.0.1 " + " ".join(name + "grid.example" for name in NAMES) + "\n")
    subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=True)


def inside(chapter, shows):
    """Runs in the network of its own; the last line is what came of it."""
    place = tempfile.mkdtemp(prefix="gridd-manual-")
    reader = None
    try:
        settle(place)
        folder = os.path.join(place, "work")
        os.mkdir(folder)
        os.symlink(ROOT, os.path.join(folder, "gridd"))   # where the source was cloned
        reader = Reader(folder, shows)
        wrong = ""
        try:
            reader.chapter(chapter)
        except Wrong as error:
            wrong = str(error)
        print(json.dumps({"run": reader.count, "left": reader.left, "wrong": wrong}))
        return 1 if wrong else 0
    finally:
        if reader:
            reader.close()
        subprocess.run(["umount", "/etc/hosts"], check=False)
        shutil.rmtree(place, ignore_errors=True)


def run_chapter(chapter, shows=False):
    """What came of a chapter: the commands that were run, those that were not, what was wrong."""
    command = way_in() + [sys.executable, "-B", os.path.abspath(__file__), "--inside"]
    command += (["--show"] if shows else []) + [chapter]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        last = ""
        for line in process.stdout:
            if shows and last:
                print(last, end="", flush=True)
            last = line
    try:
        return json.loads(last)
    except ValueError:
        return {"run": 0, "left": [], "wrong": f"status {process.returncode}: {last}"}


def main():
    words = sys.argv[1:]
    shows = "--show" in words
    chapters = [os.path.basename(word) for word in words if not word.startswith("--")]
    if "--inside" in words:
        return inside(chapters[0], shows)
    if way_in() is None:
        print("manual.py: a network of its own needs root, or user namespaces", file=sys.stderr)
        return 2
    status = 0
    for chapter in chapters:
        done = run_chapter(chapter, shows)
        print(f"{chapter}: {done['run']} commands run, {len(done['left'])} not")
        if done["wrong"]:
            print(done["wrong"])
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
