"""What a process of Python imports, starts and calls, written when it ends to the folder COUNTS.

Where this folder is in PYTHONPATH, all of Guild's processes, runs' and kernels' execute it before
their own code.
"""

import atexit
import os
import sys

_FOLDER = os.environ.get("COUNTS")


def _count(folder):
    started = []
    counted = os.getpid()
    calls = [0]

    def called(_frame, event, _arg):
        if event == "call":
            calls[0] += 1

    def audit(event, args):
        if event == "subprocess.Popen" or event == "os.posix_spawn":
            started.append([[str(each) for each in args[1]], list(sys.modules)])
        elif event == "os.fork":
            started.append([["fork"], list(sys.modules)])

    def write():
        sys.setprofile(None)
        if os.getpid() != counted:
            return  # a fork
        import json

        with open("/proc/self/cmdline") as f:
            command = f.read().split("\0")[:-1]
        found = {
            "command": command,
            "started": list(started),
            "modules": list(sys.modules),
            "calls": calls[0],
        }
        with open(os.path.join(folder, f"{os.getpid()}.json"), "w") as f:
            json.dump(found, f)

    def exit_at_once(status):
        write()
        end(status)

    sys.addaudithook(audit)
    atexit.register(write)
    end, os._exit = os._exit, exit_at_once
    if os.environ.get("COUNT_CALLS"):
        import threading

        threading.setprofile(called)
        sys.setprofile(called)


if _FOLDER:
    _count(_FOLDER)
