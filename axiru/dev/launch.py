"""Become a part of the local stack that cannot outlive the process that started it.

Runs as `python -I -S launch.py --parent PID --death-signal N [--uid U --gid G] -- COMMAND…` and replaces itself by
COMMAND. Standard library only, so that it costs 20 ms and needs no package. A launcher instead of `preexec_fn`: code
between fork and exec can deadlock in a process that has threads.

On Linux the kernel sends the death signal when the starter dies, SIGKILL included (prctl(2), PR_SET_PDEATHSIG).
Elsewhere a part stops in order with its starter, but outlives a SIGKILL of it.
"""

import argparse
import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilitySet(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def main() -> None:
    """Take the account, bind the life to the parent's, become the command. Exits 1 when the parent is gone already."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death-signal", type=int, required=True)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()

    if options.uid is not None:
        become(options.uid, options.gid)
    if sys.platform == "linux":
        # After the change of account: the kernel forgets the death signal whenever credentials change.
        _prctl(PR_SET_PDEATHSIG, options.death_signal)
    if os.getppid() != options.parent:
        sys.exit(1)
    os.execvp(options.command[0], options.command)  # noqa: S606 - the command is the stack's own


def become(uid: int, gid: int) -> None:
    """Give up root for `uid`, and keep the one right to walk through directories that are closed to others.

    PostgreSQL refuses root, and a home below /root or a private temporary directory cannot be entered by anybody
    else. The alternative would be to widen the modes of directories that are not ours. capabilities(7), "Ambient".
    """
    if sys.platform == "linux":
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if sys.platform == "linux":
        _keep_directory_access()


def _keep_directory_access() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    held = (_CapabilitySet * 2)()
    if libc.capget(ctypes.byref(header), held) != 0:
        return
    # Containers often hold the second without the first.
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        bit = 1 << capability
        if held[0].permitted & bit:
            kept = (_CapabilitySet * 2)(_CapabilitySet(bit, bit, bit), _CapabilitySet(0, 0, 0))
            if libc.capset(ctypes.byref(header), kept) == 0:
                _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            return


def _prctl(*arguments: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(*(ctypes.c_ulong(argument) for argument in arguments))


if __name__ == "__main__":
    main()
