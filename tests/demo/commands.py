"""Running commands, on this machine and where the cluster's names resolve, and what the demo works on."""

import os
import shlex
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CLUSTER_TOOL = ROOT / "tests/cluster/cluster"
CURRENT = os.environ.get("CLUSTER") == "current"
CLUSTER_NAME = "demo"
NAMESPACE = "mcp-demo"
SERVER = "everything"
PATIENCE = 180  # seconds that anything may take in the cluster; a pull from a registry is the longest


class Failed(Exception):
    """Something did not work; the message says what, and where to look."""


def inside():
    """What a command begins with to run where the cluster's names resolve."""
    return [] if CURRENT else [CLUSTER_TOOL, "exec", CLUSTER_NAME, "--"]


def namespaced(*arguments):
    return [f"--namespace={NAMESPACE}", *arguments]


def kubectl(*arguments, text=None, quiet=False):
    """Shows the command and what it prints, unless told to be quiet."""
    show = (lambda _: None) if quiet else print
    show(f"  $ kubectl {shlex.join(arguments)}")
    for line in output(*inside(), "kubectl", *arguments, text=text).splitlines():
        show(f"  {line}")


def kubectl_output(*arguments):
    return output(*inside(), "kubectl", *arguments)


def jsonpath(kind, path):
    return kubectl_output("get", *namespaced(kind, SERVER, "-o", f"jsonpath={path}"))


def wait(what, holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise Failed(f"waited {PATIENCE} s in vain until {what}")
        time.sleep(0.2)


def run(*command, **options):
    if subprocess.run(command, check=False, **options).returncode != 0:
        raise Failed(f"`{' '.join(map(str, command))}` failed; see above")


def output(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(map(str, command))}` failed:\n{done.stderr.strip()}")
    return done.stdout
