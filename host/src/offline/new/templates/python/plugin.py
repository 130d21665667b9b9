"""The component: what `render.wit` says that a plugin exports. The work is in `priority.py`."""

import json
from pathlib import Path

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.info import ObjectKind, PluginInfo
from wit_world.imports.types import Diagnostic, Failure_Invalid, Request, Response, Severity, SlotObject

import priority

# Read when the component is built; a plugin has no files when it runs.
SCHEMA = (Path(__file__).parent / "parameters.schema.json").read_text(encoding="utf-8")


class Info(exports.Info):
    """What the plugin says of itself."""

    def describe(self) -> PluginInfo:
        return PluginInfo(
            name="my-policy",
            version="0.1.0",
            description="Gives every server's pods a priority class.",
            emits=[ObjectKind("apps/v1", "Deployment")],
            facts=[],
            parameters_schema=SCHEMA,
        )


class Renderer(exports.Renderer):
    """The work itself."""

    def render(self, request: Request) -> Response:
        parameters = json.loads(request.parameters or "{}")
        labels = json.loads(request.server)["metadata"].get("labels", {})
        try:
            chosen = priority.class_of(labels, parameters.get("classes", priority.CLASSES))
        except priority.NotOffered as refused:
            reason = Diagnostic(Severity.ERROR, "PriorityNotOffered", str(refused), refused.path, None)
            raise Err(Failure_Invalid([reason])) from refused
        return Response([prioritized(entry, chosen) for entry in request.base], [])


def prioritized(entry: SlotObject, chosen: str) -> SlotObject:
    """Only the workload has pods; the other objects are handed on as the text that they came in."""
    if entry.slot != "workload":
        return entry
    workload = json.loads(entry.object)
    workload["spec"]["template"]["spec"]["priorityClassName"] = chosen
    return SlotObject(entry.slot, json.dumps(workload))
