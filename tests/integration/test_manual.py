# tests/integration/test_manual.py: the manual says what the programs do.
"""Each command of conf/manual is run by manual.py, chapter by chapter; policies, options, metrics
and links are held against the programs."""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest
import urllib.request

import manual
from cluster.etcd import is_installed
from cluster.members import Cluster
from gridd import ROOT, Gridd, Operated, binary
from policies import EVERYTHING

CHAPTERS = sorted(name for name in os.listdir(manual.FOLDER) if name.endswith(".md"))
# Chapters whose commands are run, and how many of their blocks are not: a number that grows is a
# command that no test tries.
LEFT = {
    "README.md": 0, "accounts.md": 0, "certificates.md": 6, "cluster.md": 0, "etcd.md": 5,
    "filters.md": 0,
    "getting-started.md": 3, "install.md": 6, "moving.md": 0, "policy.md": 0,
    "runbooks.md": 1, "shell.md": 0, "writing-clients.md": 0,
}
# Chapters with no command of gridd's own.
OTHER_SOFTWARE = {"etcd.md"}
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
WITHOUT_BLOCKS = re.compile(r"^```.*?^```$", re.M | re.S)


def prose(chapter):
    return WITHOUT_BLOCKS.sub("", manual.read(chapter))


def known_options():
    return set(re.findall(r'\{"([a-z0-9_.]+)",\s*&', read("server/config/options.cpp")))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def anchors_of(text):
    """As GitHub makes them of headings."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", WITHOUT_BLOCKS.sub("", text), re.M):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        found.add(re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"))
    return found


@unittest.skipIf(manual.way_in() is None, "a network of its own needs root, or user namespaces")
class Commands(unittest.TestCase):
    """One test per chapter: its commands are run in order, and print what is shown."""

    def test_every_chapter_with_commands_is_run(self):
        with_commands = {
            name for name in CHAPTERS if any(block.is_commands for block in manual.blocks_of(name))
        }
        self.assertEqual(with_commands, set(LEFT))


def run_of(chapter):
    def test(self):
        done = manual.run_chapter(chapter)
        self.assertEqual(done["wrong"], "")
        if chapter not in OTHER_SOFTWARE:
            self.assertGreater(done["run"], 0)
        own = [row for row in done["left"] if row[0].startswith(chapter + ":")]
        for place, command, reason in own:
            sys.stderr.write(f"not run: {place}: {command.splitlines()[0]} … ({reason})\n")
        self.assertEqual(len(own), LEFT[chapter], own)

    return test


for _name in LEFT:
    setattr(
        Commands, "test_the_commands_of_" + _name[:-3].replace("-", "_").lower(), run_of(_name)
    )


class Policies(unittest.TestCase):
    """Every policy in the manual is one, but for those that show a mistake."""

    def test_policies_are_taken(self):
        server = Operated(EVERYTHING).start()
        self.addCleanup(server.close)
        count = 0
        for chapter in CHAPTERS:
            for block in manual.blocks_of(chapter):
                if block.kind == "policy":
                    count += 1
                    done = server.gridctl(
                        "policy", "check", "-", identity=server.admin, stdin=block.text
                    )
                    with self.subTest(block.place):
                        self.assertEqual(done.returncode, int("wrong" in block.words), done.stdout)
        self.assertGreater(count, 10)


class Texts(unittest.TestCase):
    """Options, commands and links that are named are there."""

    def test_the_reference_is_current(self):
        done = subprocess.run(
            [sys.executable, "-B", os.path.join(manual.FOLDER, "make-reference"), "--check"],
            capture_output=True, text=True, timeout=60, check=False,
        )
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_options_in_configurations_are_options(self):
        known = known_options()
        for chapter in CHAPTERS:
            for block in manual.blocks_of(chapter):
                if block.kind != "toml" or "wrong" in block.words:
                    continue
                for section, value in tomllib.loads(block.text).items():
                    for key in value if isinstance(value, dict) else [""]:
                        self.assertIn(f"{section}.{key}".rstrip("."), known, block.place)

    def test_options_in_sentences_are_options(self):
        known = known_options()
        sections = {key.rsplit(".", 1)[0] for key in known if "." in key}
        for chapter in CHAPTERS:
            for code in CODE.findall(prose(chapter)):
                found = re.fullmatch(r"([a-z]+(?:\.[a-z]+)?)\.([a-z0-9_]+)(?: = .*)?", code)
                if found and found[1] in sections and found[0] not in sections:
                    self.assertIn(f"{found[1]}.{found[2]}", known, f"{chapter}: {code}")

    def test_commands_in_sentences_are_commands(self):
        asked = {}
        for chapter in CHAPTERS:
            for code in CODE.findall(prose(chapter)):
                words = code.split()
                if words[0] != "gridctl" or len(words) < 2 or not re.fullmatch("[a-z]+", words[1]):
                    continue
                path = []
                for word in words[1:]:
                    if not re.fullmatch("[a-z-]+", word) or word.startswith("-"):
                        break
                    path.append(word)
                key = tuple(path)
                if key not in asked:
                    done = subprocess.run(
                        [binary("gridctl"), *path, "--help"],
                        capture_output=True, text=True, timeout=30, check=False,
                    )
                    usage = f"Usage: gridctl {path[0]}"
                    asked[key] = done.returncode == 0 and usage in done.stdout
                self.assertTrue(asked[key], f"{chapter}: {code}")
        self.assertGreater(len(asked), 10)

    def test_links_lead_somewhere(self):
        for chapter in CHAPTERS:
            for target in re.findall(r"\]\(([^)\s]+)\)", prose(chapter)):
                if "://" in target:
                    continue
                path, _, anchor = target.partition("#")
                file = os.path.normpath(os.path.join(manual.FOLDER, path or chapter))
                with self.subTest(chapter, target=target):
                    self.assertTrue(os.path.exists(file), target)
                    if anchor:
                        self.assertIn(anchor, anchors_of(read(os.path.relpath(file, ROOT))))

    def test_it_is_plain_markdown(self):
        """No HTML, which the console does not show; blocks begin at the margin, and end."""
        for chapter in CHAPTERS:
            text = manual.read(chapter)
            with self.subTest(chapter):
                self.assertTrue(text.startswith("# "))
                self.assertEqual(len(re.findall("^# ", WITHOUT_BLOCKS.sub("", text), re.M)), 1)
                bare = CODE.sub("", prose(chapter))
                self.assertNotRegex(bare, r"</?[A-Za-z][^>\n]*>|&[a-z]+;|```")

    def test_each_chapter_is_in_the_contents(self):
        contents = set(re.findall(r"\]\(([a-z-]+\.md)\)", manual.read("README.md")))
        self.assertEqual(contents | {"README.md"}, set(CHAPTERS))


class Metrics(unittest.TestCase):
    """The table of metrics.md is what a running server says: a member of a cluster says all."""

    def start(self, settings):
        if not is_installed():
            server = Gridd(settings).start()
            self.addCleanup(server.close)
            return server
        cluster = Cluster(1, 1, settings=settings, fabric=False)
        self.addCleanup(cluster.close)
        return cluster.start().members[0]

    def test_names_kinds_labels_and_texts(self):
        table = {}
        for row in re.findall(r"^\| `(\w+)` \| (gauge|counter|histogram) \| (.*?) \| (.*) \|$",
                              manual.read("metrics.md"), re.M):
            table[row[0]] = (row[1], set(re.findall(r"`(\w+)`", row[2])), row[3].replace("`", ""))
        server = self.start(
            {"listen.metrics": "127.0.0.1:0", "audit.export_to": "udp:127.0.0.1:9"}
        )
        if not is_installed():
            table = {name: row for name, row in table.items()
                     if not name.startswith("gridd_cluster_")}
        host, port = server.addresses["metrics"]
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
        helps = dict(re.findall(r"^# HELP (\w+) (.*)$", text, re.M))
        self.assertEqual(set(table), set(kinds))
        for name, (kind, labels, help_text) in table.items():
            with self.subTest(name):
                self.assertEqual((kind, help_text), (kinds[name], helps[name]))
                for shown in re.findall(rf"^{name}(?:_bucket)?{{(.*)}} ", text, re.M):
                    seen = set(re.findall(r'(\w+)="', shown)) - {"le"}
                    self.assertEqual(seen, labels)


class Runner(unittest.TestCase):
    """What the runner must find: a test of the manual that finds nothing proves nothing."""

    def outcome(self, text):
        folder = tempfile.mkdtemp()
        self.addCleanup(lambda: subprocess.run(["rm", "-r", folder], check=True))
        with open(os.path.join(folder, "x.md"), "w", encoding="utf-8") as file:
            file.write(text)
        before, manual.FOLDER = manual.FOLDER, folder
        reader = manual.Reader(folder)
        try:
            reader.chapter("x.md")
            return ""
        except manual.Wrong as wrong:
            return str(wrong)
        finally:
            reader.close()
            manual.FOLDER = before

    def test_what_is_right(self):
        self.assertEqual(self.outcome(
            "```console\n$ echo a  b; echo c\na b\nc\n$ x=3\n$ echo $x\n3\n$ seq 9\n1\n…\n9\n```\n"
            "```sh\ny=4\ntest $y = 4\n```\n```console fails=3\n$ (exit 3)\n```\n"
            "```text file=f\nin the file\n```\n```console\n$ cat f\nin … file\n```\n"
            "```console in=b stays\n$ tail -f f\nin the file\n```\n"
            "```sh\nprintf '%s\\n' one two three >>f\n```\n"
            "```text in=b\none\n```\n```text in=b\nthree\n```\n"
            "```console in=b\n$ echo again\nagain\n```\n"
        ), "")

    def test_what_is_wrong(self):
        for text, says in (
            ("```console\n$ echo a\nb\n```\n", "not\nb"),
            ("```console\n$ echo a; echo b\na\n```\n", "not\na"),
            ("```console\n$ false\n```\n", "status 1"),
            ("```console fails\n$ true\n```\n", "status 0"),
            ("```console fails=3\n$ (exit 4)\n```\n", "status 4"),
            ("```sh\nfalse\ntrue\n```\n", "status 0"),
            ("```console in=b stays\n$ echo a\nb\n```\n", "the program ended"),
        ):
            with self.subTest(text):
                self.assertIn(says, self.outcome(text))


if __name__ == "__main__":
    unittest.main()
