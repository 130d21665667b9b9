"""What becomes of a server's objects. All functions change the objects that they get."""

import hashlib
import json
from typing import Any

from failures import Refused, Unsupported
from parameters import Parameters

Object = dict[str, Any]

NAME = "sidecar"
CONFIG_VOLUME = "sidecar-config"
# Makes a change of the config roll the pods.
CONFIG_HASH = "sidecar.mcp.x-k8s.io/config-hash"
LONGEST_NAME = 63

# The restricted Pod Security Standard asks for all but the last.
RESTRICTED: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "readOnlyRootFilesystem": True,
}


def inject(server: Object, objects: dict[str, Object], parameters: Parameters) -> None:
    """Puts the proxy in front of a server. The objects are by slot."""
    port = server["spec"]["config"]["port"]
    if port == parameters.port:
        message = f"The sidecar in front of this server listens on {port}: let the server listen on another port."
        raise Refused("PortTaken", message, "spec.config.port")
    if "workload" not in objects:
        raise Unsupported("there is no workload to put a sidecar into: an earlier plugin has to render the server")
    into_pods(objects["workload"], port, parameters)
    if "service" in objects:
        lead_to_proxy(objects["service"], parameters.port)
    if "network-policy" in objects:
        let_in_to_proxy(objects["network-policy"], port, parameters.port)
    if parameters.config:
        objects[CONFIG_VOLUME] = config_map(server["metadata"]["name"], parameters.config)


def into_pods(workload: Object, server_port: int, parameters: Parameters) -> None:
    """Adds the container, and its config as a volume."""
    template = workload["spec"]["template"]
    pod = template["spec"]
    if any(container["name"] == NAME for container in pod["containers"]):
        raise Unsupported(f"there is a container {NAME} already: an earlier plugin has put it there")
    proxy = container(server_port, parameters)
    if parameters.config:
        name = config_name(workload["metadata"]["name"])
        pod.setdefault("volumes", []).append({"name": CONFIG_VOLUME, "configMap": {"name": name}})
        mount = {"name": CONFIG_VOLUME, "mountPath": parameters.config_path, "readOnly": True}
        proxy["volumeMounts"] = [mount]
        annotations = template.setdefault("metadata", {}).setdefault("annotations", {})
        annotations[CONFIG_HASH] = hash_of(parameters.config)
    pod["containers"].append(proxy)


def container(server_port: int, parameters: Parameters) -> Object:
    """The proxy. The pod is ready when it is, too."""
    port = parameters.port
    proxy: Object = {
        "name": NAME,
        "image": parameters.image,
        "env": [{"name": "PORT", "value": str(port)}, {"name": "MCP_PORT", "value": str(server_port)}],
        "ports": [{"name": NAME, "containerPort": port, "protocol": "TCP"}],
        "readinessProbe": {"tcpSocket": {"port": port}},
        "resources": parameters.resources,
        "securityContext": RESTRICTED,
    }
    if parameters.arguments:
        proxy["args"] = parameters.arguments
    return proxy


def lead_to_proxy(service: Object, port: int) -> None:
    """The address stays what it is; who connects there reaches the proxy."""
    for entry in service["spec"]["ports"]:
        if entry.get("name") == "mcp":
            entry["targetPort"] = port


def let_in_to_proxy(policy: Object, server_port: int, port: int) -> None:
    """Whoever might connect to the server may connect to the proxy instead, and nobody passes it by."""
    for rule in policy["spec"].get("ingress", []):
        for entry in rule.get("ports", []):
            if entry.get("port") == server_port:
                entry["port"] = port


def config_map(server: str, config: dict[str, str]) -> Object:
    """The proxy's files."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": config_name(server)}, "data": config}


def config_name(server: str) -> str:
    """Of the ConfigMap of a server."""
    name = f"{server}-{NAME}"
    if len(name) > LONGEST_NAME:
        message = f"The name {name} of its sidecar's config is too long: use a name of at most {LONGEST_NAME - len(NAME) - 1} characters."
        raise Refused("NameTooLong", message, "metadata.name")
    return name


def hash_of(config: dict[str, str]) -> str:
    """The same for the same files, whatever their order."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
