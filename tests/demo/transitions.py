"""What a server goes through: each step of its life, and every state of its status on the way.

The states come from a watch: the API server tells each of them, so none is missed, however short it was.
"""

import json
import subprocess
import threading
import time
from contextlib import contextmanager

from commands import NAMESPACE, PATIENCE, SERVER, Failed, inside, kubectl, kubectl_output, namespaced, wait
from step import Step
from table import by_type

CONDITIONS = ("Accepted", "Rendered", "Available", "Verified", "Ready")
COLUMNS = "{:>8}  {:14}{:15}{:15}{:28}{:28}{:30}{}"
MISSING = "localhost/no-such-image:1"
WATCH = f"/apis/mcp.x-k8s.io/v1beta1/namespaces/{NAMESPACE}/mcpservers?watch=true"


def go_through(manifest):
    with Watch() as server:
        print("\n" + COLUMNS.format("TIME", "PHASE", *(name.upper() for name in CONDITIONS), "ADDRESS"))
        with Step("Create it"), server.reaching("Running"):
            kubectl("apply", *namespaced("-f", "-"), text=manifest, quiet=True)
        right = server.newest["spec"]["source"]["containerImage"]["ref"]
        with Step("Give its pods another label, which replaces them"), server.rolling():
            patch({"extraLabels": {"team": "demo"}})
        with Step("Three pods instead of one"), server.rolling():
            patch({"runtime": {"replicas": 3}})
        with Step("An image that does not exist"), server.reaching("Degraded"):
            patch(image(MISSING))
        with Step("The right image again"), server.rolling():
            patch(image(right))
        with Step("A ConfigMap that does not exist"), server.reaching("Invalid"):
            patch({"config": {"envFrom": [{"configMapRef": {"name": "settings"}}]}})
        with Step("Create that ConfigMap"), server.rolling():
            kubectl("create", *namespaced("configmap", "settings", "--from-literal=MODE=quiet"), quiet=True)
        with Step("Change that ConfigMap"), server.rolling():
            loud = json.dumps({"data": {"MODE": "loud"}})
            kubectl("patch", *namespaced("configmap", "settings", "--patch", loud), quiet=True)
        with Step("A path where nobody speaks MCP"), server.reaching("Degraded"):
            patch({"config": {"path": "/nowhere"}})
        with Step("The right path again"), server.reaching("Running"):
            patch({"config": {"path": "/mcp"}})
        with Step("No pods"), server.reaching("ScaledToZero"):
            patch({"runtime": {"replicas": 0}})
        with Step("One pod again"), server.reaching("Running"):
            patch({"runtime": {"replicas": 1}})
        with Step("Delete it, and create it anew with an image that does not exist"), server.reaching("Failed"):
            kubectl("delete", *namespaced("mcpserver", SERVER), quiet=True)
            kubectl("apply", *namespaced("-f", "-"), text=manifest.replace(right, MISSING), quiet=True)


def patch(spec):
    print(f"  spec: {json.dumps(spec)}", flush=True)
    kubectl("patch", *namespaced("mcpserver", SERVER, "--type=merge", "--patch", json.dumps({"spec": spec})), quiet=True)


def image(reference):
    return {"source": {"containerImage": {"ref": reference}}}


class Watch:
    """A watch of the server, which prints each state that differs from the one before."""

    def __init__(self):
        self.newest, self.shown, self.count, self.start = {}, None, 0, time.monotonic()

    def __enter__(self):
        command = [*inside(), "kubectl", "get", "--raw", WATCH]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.follow)
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.reader.join()

    def follow(self):
        for line in self.process.stdout:
            event = json.loads(line)
            if event["type"] in ("ADDED", "MODIFIED"):
                self.newest = event["object"]
                self.show(state(self.newest.get("status")))

    def show(self, row):
        if row and row != self.shown:
            print(COLUMNS.format(f"{time.monotonic() - self.start:.1f} s", *row).rstrip(), flush=True)
            self.shown, self.count = row, self.count + 1

    @contextmanager
    def reaching(self, phase):
        """Shows what follows from the block, until the server is in this phase by its newest spec."""
        self.start, before = time.monotonic(), self.count
        yield
        wait(f"{SERVER} is {phase}", lambda: self.is_in(phase))
        if self.count == before:
            print("  no other state")

    @contextmanager
    def rolling(self):
        """The same until all its pods are new ones and the others are gone."""
        before = generation()
        with self.reaching("Running"):
            yield
            wait("its Deployment is changed", lambda: generation() != before)
            kubectl("rollout", "status", *namespaced(f"deployment/{SERVER}", f"--timeout={PATIENCE}s"), quiet=True)

    def is_in(self, phase):
        if self.process.poll() is not None:
            raise Failed("the watch of the server has ended")
        status, metadata = self.newest.get("status", {}), self.newest.get("metadata", {})
        return status.get("phase") == phase and status.get("observedGeneration") == metadata["generation"]


def generation():
    return kubectl_output("get", *namespaced("deployment", SERVER, "-o", "jsonpath={.metadata.generation}"))


def state(status):
    """A status in a row: phase, each condition with its reason, and whether there is a URL; nothing while there is none."""
    if not status:
        return None
    conditions = by_type(status)
    said = [f"{conditions[name]['status']} {conditions[name]['reason']}" if name in conditions else "" for name in CONDITIONS]
    return [status["phase"], *said, "url" if status.get("address", {}).get("url") else ""]
