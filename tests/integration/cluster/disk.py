# tests/integration/cluster/disk.py: a small file system for all data of one member, which outlives
# the member's process.
"""A tmpfs in a mount namespace that a process of its own holds; the member runs in it."""

import errno
import os
import shutil
import subprocess

DISK_MEBIBYTES = 640   # more than gridd wants to be free


class HeldDisk:
    """Of a member that has not started yet."""

    def __init__(self, member, mebibytes):
        os.makedirs(member.data, mode=0o700, exist_ok=True)
        mount = f"mount -t tmpfs -o size={mebibytes}m,mode=700 none '{member.data}'"
        self._holder = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", mount + " && echo ready && exec sleep 100000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )
        assert self._holder.stdout.readline() == "ready\n", "no tmpfs: this needs root"
        self.path = f"/proc/{self._holder.pid}/root{member.data}"
        starter = os.path.join(member.folder, "gridd-on-small-disk")
        with open(starter, "w", encoding="ascii") as file:
            file.write(
                f"#!/bin/sh\nexec nsenter -t {self._holder.pid} -m -- '{member.program}' \"$@\"\n"
            )
        os.chmod(starter, 0o755)
        member.program = starter

    def fill(self, leave_bytes=0):
        file = os.open(os.path.join(self.path, "ballast"), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while True:
                volume = os.fstatvfs(file)
                free = volume.f_bavail * volume.f_frsize - leave_bytes
                if free <= 0:
                    return
                try:
                    os.posix_fallocate(file, os.fstat(file).st_size, free)
                except OSError as error:   # the member writes, too
                    if error.errno != errno.ENOSPC:
                        raise
        finally:
            os.close(file)

    def make_space(self):
        path = os.path.join(self.path, "ballast")
        if os.path.exists(path):
            os.unlink(path)

    def wipe(self):
        for name in os.listdir(self.path):
            path = os.path.join(self.path, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def close(self):
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()
