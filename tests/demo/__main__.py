"""The project on a real cluster, from nothing to nothing: `make demo`, and with the argument `transitions`, `make transitions`.

Builds the operator, starts a local cluster, installs the operator from its image, applies examples/minimal.yaml, waits
until the real MCP server in its pod is Ready, calls a tool of it, changes the spec, deletes it, and ends the cluster.
Or takes the server through whatever can happen to it, and prints every state of its status on the way.

  KEEP=1            leave the cluster up and say how to talk to it
  CLUSTER=current   use the cluster of KUBECONFIG; IMAGE names an operator image that it can pull, SERVER_IMAGE an image
                    of @modelcontextprotocol/server-everything (default: the one in examples/minimal.yaml)
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from commands import CLUSTER_NAME, CLUSTER_TOOL, CURRENT, NAMESPACE, PATIENCE, ROOT, SERVER, Failed
from commands import inside, jsonpath, kubectl, kubectl_output, namespaced, output, run, wait
from session import Session
from step import Step
from table import watch
from transitions import go_through

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
OPERATOR = TARGET / "debug/mcp-operator"
EXAMPLE = ROOT / "examples/minimal.yaml"
KEEP = os.environ.get("KEEP", "0") not in ("", "0")
CHANGE = {"spec": {"extraLabels": {"team": "demo"}, "runtime": {"replicas": 2}}}
CHILDREN = "deployments,replicasets,pods,services,networkpolicies"


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    try:
        demonstrate()
    except KeyboardInterrupt:
        print("Interrupted.")
        return 130
    except Failed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    print(f"\nAll of it took {time.monotonic() - started:.0f} s.")
    return 0


def demonstrate():
    if CURRENT:
        check_current_cluster()
    build()
    try:
        if not CURRENT:
            start_cluster()
            load_operator()
        install_operator()
        kubectl("create", "namespace", NAMESPACE, quiet=True)
        if sys.argv[1:] == ["transitions"]:
            go_through(example())
        else:
            live()
    except Failed:
        diagnose()
        raise
    finally:
        clean_up()


def live():
    apply_server()
    call_tool()
    change_server()
    if not KEEP:
        delete_server()


def build():
    with Step("Build the operator, with the default plugin in it"):
        run("cargo", "build", "--workspace", "--all-targets", cwd=ROOT)


def start_cluster():
    with Step("Start a real cluster: API server, controllers, kubelet, containerd, DNS"):
        run(CLUSTER_TOOL, "down", CLUSTER_NAME)  # of an earlier run with KEEP=1
        run(CLUSTER_TOOL, "up", CLUSTER_NAME, stdout=subprocess.DEVNULL)


def load_operator():
    with Step("Make the operator's image and load it"):
        archive = output(CLUSTER_TOOL, "image-operator", OPERATOR).strip()
        run(CLUSTER_TOOL, "load", CLUSTER_NAME, archive)


def install_operator():
    with Step("Install the operator"):
        image = os.environ["IMAGE"] if CURRENT else "localhost/mcp-operator:dev"
        kubectl("apply", "--server-side", "-f", "-", text=output(OPERATOR, "install", "--image", image))
        kubectl("wait", "--for=condition=Established", "crd/mcpservers.mcp.x-k8s.io", quiet=True)
        kubectl("rollout", "status", "--namespace=mcp-system", f"--timeout={PATIENCE}s", "deployment/mcp-operator")


def apply_server():
    with Step("Apply examples/minimal.yaml and wait until its MCP server answers"):
        kubectl("apply", *namespaced("-f", "-"), text=example())
        watch(lambda server, _: server["ready"] == "True")
        status = json.loads(kubectl_output("get", *namespaced("mcpserver", SERVER, "-o", "json")))["status"]
        info = status["serverInfo"]
        able = ", ".join(sorted(name for name, has in info["capabilities"].items() if has))
        print(f"  URL          {status['address']['url']}")
        print(f"  serverInfo   {info['name']} {info['version']}, MCP {info['protocolVersion']}: {able}")


def call_tool():
    with Step("Call a tool of that server, through the URL in the status"):
        url = jsonpath("mcpserver", "{.status.address.url}")
        with Session(url) as session:
            answer = session.request("tools/call", {"name": "echo", "arguments": {"message": "hello from the demo"}})
        print(f"  echo         {answer['result']['content'][0]['text']}")


def change_server():
    with Step("Change its spec: two replicas, and a label that rolls the pods"):
        kubectl("patch", *namespaced("mcpserver", SERVER, "--type=merge", "--patch", json.dumps(CHANGE)))
        watch(lambda server, deployment: server["ready"] == "True" and server["current"] and deployment["rolled out"] == 2)
        kubectl("get", *namespaced("mcpserver", SERVER))


def delete_server():
    with Step("Delete it: its objects go with it"):
        kubectl("get", *namespaced(CHILDREN, "--output=name"))
        kubectl("delete", *namespaced("mcpserver", SERVER))
        wait("its objects are gone", lambda: not children_left())
        print("  none of them is left; its pods are ending, for which Kubernetes gives them 30 s")


def children_left():
    """What is not on its way out: a pod that got its signal is."""
    items = json.loads(kubectl_output("get", *namespaced(CHILDREN, "--output=json")))["items"]
    return [item for item in items if "deletionTimestamp" not in item["metadata"]]


def check_current_cluster():
    """What is installed already is somebody's: the demo would change it, and delete it in the end."""
    if "IMAGE" not in os.environ:
        raise Failed("CLUSTER=current needs IMAGE, an image of the operator that the cluster can pull; `make image` makes an archive")
    found = kubectl_output("get", "crd/mcpservers.mcp.x-k8s.io", f"namespace/{NAMESPACE}", "namespace/mcp-system", "--ignore-not-found", "--output=name")
    if found.strip():
        raise Failed(f"the cluster has {', '.join(found.split())} already, which the demo would change and delete; use another cluster")


def example():
    """The example, with another image of the same server when one is given."""
    text, image = EXAMPLE.read_text(), os.environ.get("SERVER_IMAGE")
    return re.sub(r"(?m)^( +ref: ).*$", rf"\g<1>{image}", text) if image else text


def clean_up():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if KEEP:
        explain_keeping()
    elif not CURRENT:
        subprocess.run([CLUSTER_TOOL, "down", CLUSTER_NAME], check=False)
        print("\nThe cluster is gone.")
    elif OPERATOR.exists():
        subprocess.run(["kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found"], check=False)
        manifests = output(OPERATOR, "install")
        subprocess.run(["kubectl", "delete", "--ignore-not-found", "-f", "-"], input=manifests, text=True, check=False)


def explain_keeping():
    prefix = "" if CURRENT else f"{CLUSTER_TOOL.relative_to(ROOT)} exec {CLUSTER_NAME} -- "
    print(f"\nThe server is still there. Talk to the cluster with:\n  {prefix}kubectl get mcpservers -A -o wide")
    print(f"  {prefix}kubectl logs -n mcp-system deployment/mcp-operator --follow")
    if CURRENT:
        print(f"When you are done:\n  kubectl delete namespace {NAMESPACE}; {OPERATOR} install | kubectl delete -f -")
    else:
        print(f"  {prefix}bash\nWhen you are done:\n  {CLUSTER_TOOL.relative_to(ROOT)} down {CLUSTER_NAME}")


def diagnose():
    """What one looks at first when something failed, as far as it is there."""
    for title, arguments in [
        ("the server", namespaced("describe", "mcpserver", SERVER)),
        ("its pods", namespaced("get", "pods", "-o", "wide")),
        ("the operator's log", ["logs", "--namespace=mcp-system", "deployment/mcp-operator", "--tail=20"]),
        ("the operator's pod", ["get", "pods", "--namespace=mcp-system", "-o", "wide"]),
    ]:
        found = subprocess.run([*inside(), "kubectl", *arguments], capture_output=True, text=True, check=False)
        if found.returncode == 0 and found.stdout.strip():
            print(f"--- {title}: kubectl {' '.join(arguments)}\n{found.stdout}", file=sys.stderr)
    print("Look further with KEEP=1 make demo, which leaves the cluster up.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
