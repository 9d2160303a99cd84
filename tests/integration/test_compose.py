# tests/integration/test_compose.py: the example for docker compose fits the image.
"""conf/compose.yaml and Dockerfile say the same of ports, user, data and configuration."""

import os
import re
import unittest

from gridd import ROOT


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def below(text, key):
    """The lines that are deeper than `key:`, without comments."""
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.strip() == key + ":")
    indent = len(lines[start]) - len(lines[start].lstrip())
    found = []
    for line in lines[start + 1:]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        if bare := re.sub(r"\s*# .*", "", line).strip():
            found.append(bare)
    return found


class Compose(unittest.TestCase):
    """No engine is needed: the texts are compared."""

    def setUp(self):
        self.compose = read("conf/compose.yaml")
        self.image = read("Dockerfile")

    def test_ports(self):
        exposed = re.search(r"(?m)^EXPOSE (.*)$", self.image)[1].split()
        published = below(self.compose, "ports")
        self.assertEqual(published, [f'- "{port}:{port}"' for port in exposed])
        defaults = re.findall(r'(?m)^\w+ = "0\.0\.0\.0:(\d+)"', read("conf/gridd.toml"))
        self.assertEqual(sorted(exposed), sorted(defaults))

    def test_rights(self):
        user = re.search(r"(?m)^USER (\d+)$", self.image)[1]
        for line in (f'user: "{user}:0"', "read_only: true", "cap_drop: [ALL]",
                     'security_opt: ["no-new-privileges:true"]'):
            self.assertIn(f"\n    {line}\n", self.compose)

    def test_data_and_configuration(self):
        data = re.search(r"(?m)^VOLUME (\S+)$", self.image)[1]
        self.assertEqual(below(self.compose, "volumes"), [f"- grid:{data}"])
        config = re.search(r"(?m)^COPY conf/gridd.toml (\S+)$", self.image)[1]
        self.assertIn(f"# - ./gridd:{os.path.dirname(config)}:ro\n", self.compose)

    def test_members_of_a_cluster_get_their_own_keys_alone(self):
        services = below(read("conf/compose-cluster.yaml"), "services")
        found = {}
        for line in services:
            if re.fullmatch(r"(etcd|grid)\d:", line):
                name = line[:-1]
            elif line.startswith("volumes:"):
                found[name] = set(re.findall(r'"\./cluster(?:/(\w+))?:', line))
        self.assertEqual(found, {
            **{f"etcd{number}": {f"etcd{number}"} for number in (1, 2, 3)},
            **{f"grid{number}": {"common", f"grid{number}"} for number in (1, 2, 3)},
        })

    def test_the_image_has_the_programs_and_no_more(self):
        last = self.image[self.image.rindex("\nFROM "):]
        self.assertTrue(last.startswith("\nFROM scratch\n"))
        self.assertNotIn("\nRUN ", last)


if __name__ == "__main__":
    unittest.main()
