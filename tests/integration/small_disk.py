# tests/integration/small_disk.py: a file system for one folder of a server, to be filled.
"""A tmpfs in the server's own mount namespace, which is gone with the process."""

import os
import subprocess

MIB = 1024 * 1024


def may_mount():
    command = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class SmallDisk:
    """Of a server that has not started yet: `folder` is below its data directory."""

    def __init__(self, server, folder, mebibytes):
        self.server = server
        self._path = os.path.join(server.data, folder)
        os.makedirs(self._path)
        os.chmod(server.data, 0o700)
        script = os.path.join(server.folder, "small_disk")
        with open(script, "w", encoding="ascii") as file:
            file.write(
                "#!/bin/sh\nexec unshare -m sh -c '"
                f'mount -t tmpfs -o size={mebibytes}m,mode=700 none "{self._path}" && '
                f'exec "{server.program}" "$@"' "' gridd \"$@\"\n"
            )
        os.chmod(script, 0o755)
        server.program = script

    @property
    def path(self):
        """The folder as the server sees it."""
        return f"/proc/{self.server.process.pid}/root{self._path}"

    def fill(self, leave_bytes=0):
        file = os.open(os.path.join(self.path, "ballast"), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            volume = os.fstatvfs(file)
            free = volume.f_bavail * volume.f_frsize - leave_bytes
            os.posix_fallocate(file, os.fstat(file).st_size, free)
        finally:
            os.close(file)

    def make_space(self):
        path = os.path.join(self.path, "ballast")
        if os.path.exists(path):
            os.unlink(path)
