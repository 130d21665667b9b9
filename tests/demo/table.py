"""The table of a server's states, a line for each; on a terminal the clock of the last line runs."""

import json
import re
import sys
import time

from commands import PATIENCE, SERVER, Failed, kubectl_output, namespaced

COLUMNS = "{time:>8}  {phase:13}{accepted:10}{rendered:10}{available:11}{verified:10}{ready:9}{pods:6}{new:6}{address}"


def watch(done):
    """Prints a line for each state until `done(server, deployment)`; on a terminal the last line's clock runs."""
    live = sys.stdout.isatty()
    started, last = time.monotonic(), None
    names = re.findall(r"{(\w+)", COLUMNS)
    print(COLUMNS.format(**{name: name.upper() for name in names}))
    while True:
        server, deployment = observe()
        row = {name: server.get(name, "") for name in names if name != "time"}
        shown = COLUMNS.format(time=f"{time.monotonic() - started:.1f} s", **row)
        if row != last:
            print(("\n" if live and last else "") + shown, end="" if live else "\n", flush=True)
        elif live:
            print("\r" + shown, end="", flush=True)
        if done(server, deployment):
            print("\n" if live else "", end="")
            return
        if time.monotonic() - started > PATIENCE:
            raise Failed(f"{SERVER} did not get there within {PATIENCE} s: {server['message']}")
        last = row
        time.sleep(0.1)


def observe():
    """The server and its Deployment as the API server has them, reduced to what is shown and waited for."""
    items = json.loads(kubectl_output("get", *namespaced("mcpservers,deployments", "--output=json")))["items"]
    objects = {item["kind"]: item for item in items}
    server, deployment = objects.get("MCPServer", {}), objects.get("Deployment", {})
    status, actual = server.get("status", {}), deployment.get("status", {})
    conditions = by_type(status)
    seen = {name.lower(): conditions.get(name, {}).get("status", "") for name in ("Accepted", "Rendered", "Available", "Verified", "Ready")}
    seen["phase"] = status.get("phase", "")
    seen["message"] = conditions.get("Ready", {}).get("message", "no status yet; is the operator running?")
    seen["current"] = status.get("observedGeneration") == server.get("metadata", {}).get("generation")
    seen["pods"] = f"{status.get('readyReplicas', 0)}/{status.get('replicas', '?')}"
    seen["new"] = f"{actual.get('updatedReplicas', 0)}/{status.get('replicas', '?')}"
    seen["address"] = status.get("address", {}).get("url", "")
    return seen, {"rolled out": rolled_out(deployment, actual)}


def by_type(status):
    """The conditions of a status by their type."""
    return {condition["type"]: condition for condition in status.get("conditions", [])}


def rolled_out(deployment, status):
    """How many pods serve, once the Deployment has only pods of its newest template; until then none."""
    current = status.get("observedGeneration") == deployment.get("metadata", {}).get("generation")
    total, newest = status.get("replicas", 0), status.get("updatedReplicas", 0)
    return status.get("readyReplicas", 0) if current and total == newest else 0
