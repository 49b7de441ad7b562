"""Cuts the power of ext4 file systems: one JSON request a line, one line of answer to each.

A request {"prepare": [...]} names the folders where they are mounted, and is answered "prepared". It
syncs a file there, and with it all that is not synced yet: so whoever wants to find what some
process has not synced sends it before that process writes.

The request for the cut holds, besides "mounts" (the same folders):
  "pids"          processes that are stopped (SIGSTOP) right before, so that none of them sees it:
                  an fsync that is under way at the cut may succeed, and what it synced be gone
  "watch"         folders; waits until a name in one of them comes or goes, so as to cut then
  "wait_seconds"  how long to wait for that at most
  "linger_micros" and then this long

Answers "cut SEEN MICROS", where SEEN is 1 if the watched names changed, and MICROS is how long the
cut took from the first file system to the last; or "failed WHY".

The cut is the kernel's own: with no log flush the journal ends where it is, and what was not synced
is dropped. Two files are left behind in each file system, probe-synced (by "prepare") and
probe-unsynced (right before the cut): behind an honest cut the first has its bytes, and the second
has not.
"""

import fcntl
import json
import os
import signal
import struct
import sys
import time

# _IOR('X', 125, __u32): EXT4_IOC_SHUTDOWN, which is XFS_IOC_GOINGDOWN too.
SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = struct.pack("I", 2)
PROBE = b"keelmq power cut\n" * 1024


def probe(mount, name, synced):
    descriptor = os.open(os.path.join(mount, name), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, PROBE)
        if synced:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def names(folders):
    found = set()
    for folder in folders:
        try:
            found.update((folder, name) for name in os.listdir(folder))
        except OSError:
            # It may come later.
            continue
    return found


def await_change(folders, seconds):
    before = names(folders)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = names(folders)
        if now != before:
            return True
        time.sleep(0.0005)
    return False


def prepare(mounts):
    for mount in mounts:
        unsynced = os.path.join(mount, "probe-unsynced")
        if os.path.exists(unsynced):
            os.remove(unsynced)
        probe(mount, "probe-synced", True)
    return "prepared"


def cut(request):
    mounts = request["mounts"]
    roots = [os.open(mount, os.O_RDONLY | os.O_DIRECTORY) for mount in mounts]
    try:
        seen = bool(request["watch"]) and await_change(request["watch"], request["wait_seconds"])
        time.sleep(request["linger_micros"] / 1e6)
        for mount in mounts:
            probe(mount, "probe-unsynced", False)
        for pid in request["pids"]:
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        for root in roots:
            fcntl.ioctl(root, SHUTDOWN, NO_LOG_FLUSH)
        return "cut %d %d" % (seen, (time.monotonic() - began) * 1e6)
    finally:
        for root in roots:
            os.close(root)


def main():
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = prepare(request["prepare"]) if "prepare" in request else cut(request)
            print(answer, flush=True)
        except (OSError, ValueError, KeyError) as failure:
            print("failed %s: %s" % (type(failure).__name__, failure), flush=True)


main()
