# tests/integration/test_gridd_toml.py: conf/gridd.toml is complete and true.
"""The file, the program and the examples of the README must say the same."""

import asyncio
import os
import re
import subprocess
import sys
import tomllib
import unittest

from gridd import ROOT, Evaluation, binary

FILE = os.path.join(ROOT, "conf", "gridd.toml")


def gridd(*arguments, env=None):
    return subprocess.run(
        [binary("gridd"), *arguments],
        capture_output=True, text=True, timeout=20, check=False, env=env,
    )


def flatten(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flatten(value, prefix + key + ".")
        else:
            yield prefix + key, value


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def members():
    """Each key of the table of options with the member that holds its value: c.pubsub.nodes_max."""
    return re.findall(r'\{"([a-z0-9_.]+)",\s*&([a-z0-9_.]+)\}', read("server/config/options.cpp"))


class Options(unittest.TestCase):
    """Every option stands in the file, with the value that it has when nobody sets it."""

    def setUp(self):
        with open(FILE, "rb") as file:
            self.options = dict(flatten(tomllib.load(file)))

    def test_the_file_itself_is_a_valid_configuration(self):
        done = gridd("--check", "--config", FILE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_option_of_the_program_is_in_the_file(self):
        known = [key for key, _ in members()]
        self.assertGreater(len(known), 40)
        self.assertEqual(list(self.options), known)

    def test_every_option_has_a_sentence(self):
        with open(FILE, encoding="utf-8") as file:
            lines = file.read().splitlines()
        for number, line in enumerate(lines):
            option = r"[a-z_0-9]+ = "
            if re.match(option, line) and not re.match(option, lines[number - 1]):
                self.assertRegex(lines[number - 1], "^# .+", line)

    def test_the_defaults_are_those_of_the_program(self):
        member_of = dict(members())
        config = "".join(
            read(f"server/config/{name}.hpp") for name in ("config", "log_settings", "external")
        )
        first = {f"c.{part}": read(f"{part}/settings.hpp") for part in ("pubsub", "controller")}
        first["c.controller"] += read("controller/contacts/contact.hpp")
        first["c.controller.bulk"] = read("controller/bulk/settings.hpp")
        first["x"] = read("xml/limits.hpp")
        for key, value in self.options.items():
            place, part, name = re.fullmatch(
                r"(x|c\.\w+|c)(?:\.(\w+))?\.(\w+)", member_of[key]
            ).groups()
            own = re.search(
                rf"^    struct {place[2:].capitalize()} \{{.*?^    \}}", config, re.M | re.S
            )
            source = first.get(f"{place}.{part}", "") or first.get(place, "") + (
                own.group() if own else ""
            ) + config
            # A member of a struct of its own: other structs may have one of that name.
            if kind := re.search(rf"^ *(?:\w+::)*(\w+) {part}(?: = \{{\}})?;", source, re.M):
                source = re.search(rf"struct {kind[1]} \{{.*?^\}};", source, re.M | re.S).group()
            elif whole := re.search(r"^struct Settings \{.*?^\};", source, re.M | re.S):
                source = whole.group() + source
            found = re.search(rf"\b{name}(?:\s*=\s*|\{{)([^;]*?)\}}?;", source)
            if isinstance(value, bool):
                self.assertEqual(found.group(1), str(value).lower(), key)
            elif isinstance(value, int):
                number = re.sub(r"'|UL|U", "", found.group(1))
                self.assertRegex(number, r"^[0-9 *]+$", key)
                self.assertEqual(eval(number), value, key)   # digits and * only, checked above
            elif isinstance(value, str) and value:
                self.assertEqual(found.group(1), f'"{value}"', key)
            elif isinstance(value, list) and value:
                entries = " ".join(found.group(1).split())   # of one line or of several
                self.assertEqual(entries, ", ".join(f'"{entry}"' for entry in value), key)

    def test_mistakes_are_told_with_their_place(self):
        path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"gridd-{os.getpid()}.toml")
        self.addCleanup(os.unlink, path)
        for text, says in (
            ("domain = 'a'\n[limits]\nstanza_byte_max = 20000\n", r":3:1: .*stanza_bytes_max"),
            ("[limits]\nstanza_bytes_max = 'many'\n", r":2:\d+: "),
            ("[listen\n", r":1:\d+: "),
        ):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = gridd("--check", "--config", path)
            self.assertNotEqual(done.returncode, 0, text)
            self.assertRegex(done.stderr, re.escape(path) + says)

    def test_set_beats_environment_beats_file(self):
        env = dict(os.environ, GRIDD_LOG_LEVEL="nonsense")
        self.assertNotEqual(gridd("--check", "--config", FILE, env=env).returncode, 0)
        done = gridd("--check", "--config", FILE, "--set", "log.level=debug", env=env)
        self.assertEqual(done.returncode, 0, done.stderr)


class Examples(unittest.IsolatedAsyncioTestCase):
    """What server/run prints: one line in each of two terminals, and the event arrives."""

    async def test_the_two_lines(self):
        server = Evaluation().start()
        self.addCleanup(server.close)
        certs = {name: os.path.dirname(server.client(name).cert) for name in ("sensor", "analyst")}
        address = "%s:%d" % server.c2s

        async def run(script, name, *more):
            return await asyncio.create_subprocess_exec(
                sys.executable, "-B", os.path.join(ROOT, "tests", "clients", script),
                f"{name}@grid.localhost", "incidents", *more,
                "--certs", certs[name], "--server", address,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )

        reader = await run("subscribe.py", "analyst", "--count", "1")
        writer = await run(
            "publish.py", "sensor", "Something odd", "--reader", "analyst@grid.localhost"
        )
        wrote, _ = await asyncio.wait_for(writer.communicate(), 40)
        read, _ = await asyncio.wait_for(reader.communicate(), 40)
        self.assertEqual((writer.returncode, reader.returncode), (0, 0), wrote + read)
        self.assertIn(b"Something odd", read)
        self.assertIn(b"from sensor@grid.localhost", read)


if __name__ == "__main__":
    unittest.main()
