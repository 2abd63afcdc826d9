"""The processes that a run of tests has left behind.

    left_processes.py FOLDER PID

One that carries CBUILD_E2E_RUN=FOLDER in its environment, names FOLDER in its arguments, or stands in another mount
namespace in which something of FOLDER is mounted. The run itself (PID) and what it starts to look is none.
One process, where a shell would start five for each that there is.
"""
import os
import sys

folder, run = os.fsencode(sys.argv[1]), sys.argv[2]
mark, below = b"CBUILD_E2E_RUN=" + folder, folder + b"/"


def read(pid, name):
    try:
        with open("/proc/%s/%s" % (pid, name), "rb") as f:
            return f.read()
    except OSError:
        return b""


def mounts_of(pid):
    try:
        return os.readlink("/proc/%s/ns/mnt" % pid)
    except OSError:
        return ""


def is_ours(pid, arguments):
    return (mark in read(pid, "environ").split(b"\0") or below in arguments
            or mounts_of(pid) != mounts_of("self") and below in read(pid, "mountinfo"))


for pid in filter(str.isdigit, os.listdir("/proc")):
    arguments = read(pid, "cmdline").replace(b"\0", b" ")
    if pid in ("1", run, str(os.getpid())) or not is_ours(pid, arguments):
        continue
    parent = [line.split()[1] for line in read(pid, "status").splitlines() if line.startswith(b"PPid:")]
    # gone meanwhile, or another that the run has started to look
    if parent and parent[0] != run.encode():
        print("process", pid, os.fsdecode(arguments)[:120])
