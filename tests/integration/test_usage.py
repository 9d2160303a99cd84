# tests/integration/test_usage.py: manual pages and shell completions say what the programs do.
"""The programs print both. Pages are judged by mandoc and man, completions by the shells."""

import functools
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
import unittest

from gridd import ROOT, binary

OPTIONS = os.path.join(ROOT, "conf", "gridd.toml")


def run(*command, env=None, cwd=None, stdin=None):
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=env, cwd=cwd,
        input=stdin,
    )


@functools.cache
def printed(*command):
    done = run(*command)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def names_below(*path):
    """The commands that --help names."""
    text = printed(binary("gridctl"), *path, "--help")
    section = re.search(r"(?m)^Subcommands:\n((?:  .*\n)+)", text)
    return re.findall(r"(?m)^  ([a-z-]+)", section[1]) if section else []


def commands_by_help(*path):
    """Every command, from the top down."""
    for name in names_below(*path):
        yield (*path, name)
        yield from commands_by_help(*path, name)


def options_by_help(*path):
    text = printed(binary("gridctl"), *path, "--help")
    return set(re.findall(r"(?m)^  (?:-\w,)?(--[a-z0-9-]+)", text))


def keys(table, prefix=""):
    for name, value in table.items():
        if isinstance(value, dict):
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield prefix + name


class Pages(unittest.TestCase):
    """gridd(8), gridctl(1), gridd.toml(5)."""

    @classmethod
    def setUpClass(cls):
        cls.pages = {
            "gridd.8": printed(binary("gridd"), "--manual-page"),
            "gridctl.1": printed(binary("gridctl"), "manual-page"),
            "gridd.toml.5": printed(binary("gridctl"), "manual-page", OPTIONS),
        }

    def judge(self, tool, *arguments):
        if shutil.which(tool) is None:
            self.skipTest(f"there is no {tool}")
        for name, page in self.pages.items():
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, name)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(page)
                done = run(tool, *arguments, path, env={**os.environ, "LC_ALL": "C.UTF-8"})
                yield name, done

    def test_mandoc_has_no_complaint(self):
        for name, done in self.judge("mandoc", "-Tlint", "-Wwarning"):
            self.assertEqual(done.stdout, "", name)
            self.assertEqual(done.returncode, 0, name + done.stderr)

    def test_man_has_no_warning(self):
        for name, done in self.judge("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"):
            self.assertEqual(done.stderr, "", name)
            self.assertEqual(done.returncode, 0, name)

    def test_every_command_and_option_of_gridctl_is_there(self):
        page = self.pages["gridctl.1"].replace("\\-", "-")
        found = list(commands_by_help())
        self.assertGreater(len(found), 50)
        for path in found:
            self.assertIn(f'.SS "gridctl {" ".join(path)}"\n', page)
            section = page.split(f'.SS "gridctl {" ".join(path)}"\n')[1].split("\n.SS ")[0]
            for option in options_by_help(*path) - {"--help"}:
                self.assertIn(f"\\fB{option}\\fR", section, path)

    def test_every_option_of_gridd_is_there(self):
        text = printed(binary("gridd"), "--help")
        page = self.pages["gridd.8"].replace("\\-", "-")
        for option in re.findall(r"(?m)^  (?:-\w,)?(--[a-z-]+)", text):
            self.assertIn(f"\\fB{option}\\fR", page)
        self.assertNotIn("--manual-page", text + page)

    def test_every_key_is_there_with_its_default(self):
        with open(OPTIONS, "rb") as file:
            all_keys = list(keys(tomllib.load(file)))
        page = self.pages["gridd.toml.5"].replace("\\-", "-")
        self.assertGreater(len(all_keys), 100)
        for key in all_keys:
            self.assertEqual(page.count(f"\\fB{key}\\fR = "), 1, key)
        self.assertIn("\\fBlimits.depth_max\\fR = 64   (number)", page)

    def test_a_page_cannot_go_stale(self):
        """Keys that only the file or only the program has are named, and there is no page."""
        with open(OPTIONS, encoding="utf-8") as file:
            text = file.read()
        for changed, says in (
            (text.replace("depth_max = 64\n", "", 1), "options without a paragraph: limits.depth"),
            (text + "\n# Of no meaning.\nspeed = 1\n", "no such options: log.speed"),
        ):
            with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
                file.write(changed)
                file.flush()
                done = run(binary("gridctl"), "manual-page", file.name)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(says, done.stderr)


BASH = r"""
compopt() { :; }
source "$0"
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_gridctl
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
"""
ZSH = r"""
compdef() { bound=$1; }
compadd() { while [[ $1 == -* ]]; do shift; done; print -l -- "$@"; }
_files() { [[ $1 == -/ ]] && print -l -- *(N/) || print -l -- *(N); }
_describe() { local name=${@[-1]}; print -l -- "${(@P)name}"; }
script=$1
shift
source $script
[[ $bound == _gridctl ]] || exit 1
words=("$@")
CURRENT=${#words}
_gridctl
"""


class Completions(unittest.TestCase):
    """Each shell reads its script, and is asked what may stand where the cursor is."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="gridd-shell-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.place = os.path.join(self.folder, "place")
        os.makedirs(os.path.join(self.place, "a-folder"))
        with open(os.path.join(self.place, "a-file"), "w", encoding="utf-8"):
            pass

    def script(self, shell):
        path = os.path.join(self.folder, shell)
        with open(path, "w", encoding="utf-8") as file:
            file.write(printed(binary("gridctl"), "completion", shell))
        return path

    def bash(self, *words):
        done = run("bash", "--norc", "-c", BASH, self.script("bash"), *words, cwd=self.place)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return set(done.stdout.split("\n")) - {""}

    def zsh(self, *words):
        done = run("zsh", "-f", "-c", ZSH, "zsh", self.script("zsh"), *words, cwd=self.place)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        found = {re.split(r"(?<!\\):", line)[0] for line in done.stdout.split("\n")} - {""}
        return {word for word in found if word.startswith(words[-1])}

    def fish(self, *words):
        line = " ".join(words)
        home = {**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder}
        done = run(
            "fish", "--no-config", "-c", f"source {self.script('fish')}; complete -C '{line}'",
            cwd=self.place, env=home,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        found = {line.split("\t")[0].rstrip("/") for line in done.stdout.split("\n")}
        return found - {""}

    def judge(self, complete):
        self.assertGreaterEqual(complete("gridctl", ""), set(names_below()))
        self.assertNotIn("manual-page", complete("gridctl", ""))
        self.assertEqual(complete("gridctl", "accounts", ""), set(names_below("accounts")))
        self.assertEqual(complete("gridctl", "accounts", "li"), {"list"})
        # Options of the program stand anywhere; their values are no commands.
        self.assertEqual(
            complete("gridctl", "--data", "accounts", "--json", "accounts", "li"), {"list"}
        )
        self.assertEqual(
            complete("gridctl", "accounts", "list", "--state", ""),
            {"pending", "enabled", "disabled"},
        )
        self.assertEqual(complete("gridctl", "completion", ""), {"bash", "zsh", "fish"})
        self.assertEqual(complete("gridctl", "accounts", "list", "--sta"), {"--state"})
        self.assertEqual(complete("gridctl", "pki", "client", "x", "--out", "a"), {"a-folder"})
        self.assertEqual(
            complete("gridctl", "status", "--cert", "a"), {"a-folder", "a-file"}
        )
        self.assertEqual(complete("gridctl", "status", "--timeout", "a"), set())
        self.assertIn("a-file", complete("gridctl", "publish", "incidents", "a"))
        self.assertEqual(complete("gridctl", "no-such-command", "accou"), {"accounts"})

    def test_bash(self):
        self.judge(self.bash)

    def test_zsh(self):
        if shutil.which("zsh") is None:
            self.skipTest("there is no zsh")
        self.judge(self.zsh)

    def test_fish(self):
        if shutil.which("fish") is None:
            self.skipTest("there is no fish")
        self.judge(self.fish)

    def test_another_shell_is_refused(self):
        done = run(binary("gridctl"), "completion", "tcsh")
        self.assertEqual((done.returncode, done.stdout), (2, ""))


class Mistakes(unittest.TestCase):
    """A command line that cannot be understood names the help that says what is right."""

    def judge(self, *words):
        done = run(binary("gridctl"), *words)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        return done.stderr.strip()

    def test_the_help_of_the_command_that_was_understood_is_named(self):
        self.assertIn("see gridctl store --help", self.judge("store"))
        self.assertIn("see gridctl accounts show --help", self.judge("accounts", "show"))
        self.assertEqual(
            self.judge("acounts", "list"),
            "gridctl: there is no 'acounts' here; see gridctl --help",
        )
        self.assertEqual(
            self.judge("accounts", "shw", "x"),
            "gridctl: there is no 'shw' here; see gridctl accounts --help",
        )

    def test_both_programs_say_their_version(self):
        versions = {
            printed(binary(name), "--version").removeprefix(name) for name in ("gridd", "gridctl")
        }
        self.assertEqual(len(versions), 1)
        self.assertRegex(versions.pop(), r"^ \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
