"""What becomes of a server's objects: `python3 -m unittest`. The component itself is tested by the cases."""

import copy
import json
import unittest

import sidecar
from failures import Refused, Unsupported
from parameters import SCHEMA, Parameters

PARAMETERS = Parameters(
    image="localhost/auth-proxy:1", port=8443, arguments=["--port=$(PORT)"], config={"config.json": "{}", "b": "2"}
)


def server(name: str = "demo", port: int = 8080) -> sidecar.Object:
    return {"metadata": {"name": name}, "spec": {"config": {"port": port}}}


def objects() -> dict[str, sidecar.Object]:
    pod = {"containers": [{"name": "mcp-server", "ports": [{"name": "mcp", "containerPort": 8080}]}]}
    ports = [{"name": "mcp", "port": 8080, "targetPort": "mcp"}, {"name": "metrics", "port": 9090}]
    ingress = [{"ports": [{"port": 8080, "protocol": "TCP"}, {"port": 9090, "protocol": "TCP"}]}]
    return {
        "network-policy": {"spec": {"ingress": ingress, "egress": [{}]}},
        "service": {"spec": {"ports": ports}},
        "workload": {"metadata": {"name": "demo"}, "spec": {"template": {"metadata": {"labels": {}}, "spec": pod}}},
    }


def injected(parameters: Parameters = PARAMETERS) -> dict[str, sidecar.Object]:
    result = objects()
    sidecar.inject(server(), result, parameters)
    return result


def containers(result: dict[str, sidecar.Object]) -> list[sidecar.Object]:
    return result["workload"]["spec"]["template"]["spec"]["containers"]


class Sidecar(unittest.TestCase):
    def test_the_server_is_left_as_it_is_and_the_proxy_is_beside_it(self) -> None:
        mcp_server, proxy = containers(injected())
        self.assertEqual(mcp_server, containers(objects())[0])
        self.assertEqual((proxy["image"], proxy["args"]), ("localhost/auth-proxy:1", ["--port=$(PORT)"]))
        variables = {"PORT": "8443", "MCP_PORT": "8080"}
        self.assertEqual({entry["name"]: entry["value"] for entry in proxy["env"]}, variables)
        self.assertEqual(proxy["readinessProbe"], {"tcpSocket": {"port": 8443}})

    def test_the_proxy_is_restricted(self) -> None:
        context = containers(injected())[1]["securityContext"]
        self.assertTrue(context["runAsNonRoot"] and context["readOnlyRootFilesystem"])
        self.assertFalse(context["allowPrivilegeEscalation"])
        self.assertEqual(context["capabilities"], {"drop": ["ALL"]})

    def test_clients_reach_the_proxy_at_the_same_address(self) -> None:
        mcp, metrics = injected()["service"]["spec"]["ports"]
        self.assertEqual(mcp, {"name": "mcp", "port": 8080, "targetPort": 8443})
        self.assertEqual(metrics, {"name": "metrics", "port": 9090})

    def test_nobody_passes_the_proxy_by(self) -> None:
        policy = injected()["network-policy"]["spec"]
        self.assertEqual([entry["port"] for entry in policy["ingress"][0]["ports"]], [8443, 9090])
        self.assertEqual(policy["egress"], [{}])

    def test_the_config_is_mounted_and_its_hash_rolls_the_pods(self) -> None:
        result = injected()
        config_map, template = result["sidecar-config"], result["workload"]["spec"]["template"]
        self.assertEqual((config_map["metadata"]["name"], config_map["data"]), ("demo-sidecar", PARAMETERS.config))
        self.assertEqual(template["spec"]["volumes"], [{"name": "sidecar-config", "configMap": {"name": "demo-sidecar"}}])
        (mount,) = containers(result)[1]["volumeMounts"]
        self.assertEqual((mount["mountPath"], mount["readOnly"]), ("/etc/sidecar", True))
        annotation = template["metadata"]["annotations"][sidecar.CONFIG_HASH]
        self.assertEqual(annotation, sidecar.hash_of(dict(reversed(PARAMETERS.config.items()))))
        self.assertNotEqual(annotation, sidecar.hash_of({"config.json": "{ }", "b": "2"}))

    def test_without_config_there_is_no_config_map(self) -> None:
        result = injected(Parameters(image="proxy", port=8443))
        self.assertEqual(list(result), list(objects()))
        self.assertNotIn("volumes", result["workload"]["spec"]["template"]["spec"])
        self.assertNotIn("args", containers(result)[1])

    def test_a_server_on_the_proxys_port_is_refused(self) -> None:
        with self.assertRaises(Refused) as refused:
            sidecar.inject(server(port=8443), objects(), PARAMETERS)
        self.assertEqual((refused.exception.code, refused.exception.path), ("PortTaken", "spec.config.port"))

    def test_a_name_that_leaves_no_room_is_refused(self) -> None:
        with self.assertRaises(Refused) as refused:
            sidecar.config_name("x" * 56)
        self.assertIn("at most 55 characters", refused.exception.message)
        self.assertEqual(len(sidecar.config_name("x" * 55)), 63)

    def test_a_second_sidecar_is_not_put_over_the_first(self) -> None:
        result = injected()
        with self.assertRaises(Unsupported):
            sidecar.inject(server(), result, PARAMETERS)

    def test_it_needs_an_earlier_plugin(self) -> None:
        with self.assertRaises(Unsupported):
            sidecar.inject(server(), {}, PARAMETERS)

    def test_parameters_are_not_changed_by_a_render(self) -> None:
        before = copy.deepcopy(PARAMETERS)
        injected()
        self.assertEqual(PARAMETERS, before)


class Reading(unittest.TestCase):
    def test_the_schema_has_the_same_parameters_and_defaults(self) -> None:
        properties = json.loads(SCHEMA)["properties"]
        defaults = {name: value["default"] for name, value in properties.items() if "default" in value}
        self.assertEqual(len(defaults), len(properties) - 2)
        read = Parameters.read(json.dumps({"image": "proxy", "port": 1, **defaults}))
        self.assertEqual(read, Parameters(image="proxy", port=1))


if __name__ == "__main__":
    unittest.main()
