"""The component: what `wit/render.wit` says that a plugin exports. The work is in `sidecar.py`."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.info import ObjectKind, PluginInfo
from wit_world.imports.types import (
    Diagnostic,
    Failure_Invalid,
    Failure_Unsupported,
    Request,
    Response,
    Severity,
    SlotObject,
)

import sidecar
from failures import Refused, Unsupported
from parameters import SCHEMA, Parameters


class Info(exports.Info):
    """What the plugin says of itself."""

    def describe(self) -> PluginInfo:
        return PluginInfo(
            name="sidecar",
            version="0.1.0",
            description="Puts a proxy in front of every server, as a second container with its config.",
            emits=[
                ObjectKind("apps/v1", "Deployment"),
                ObjectKind("apps/v1", "StatefulSet"),
                ObjectKind("v1", "Service"),
                ObjectKind("networking.k8s.io/v1", "NetworkPolicy"),
                ObjectKind("v1", "ConfigMap"),
            ],
            facts=[],
            parameters_schema=SCHEMA,
        )


class Renderer(exports.Renderer):
    """The work itself."""

    def render(self, request: Request) -> Response:
        objects = {entry.slot: json.loads(entry.object) for entry in request.base}
        try:
            sidecar.inject(json.loads(request.server), objects, Parameters.read(request.parameters or "{}"))
        except Refused as refused:
            raise Err(Failure_Invalid([diagnostic(refused)])) from refused
        except Unsupported as unsupported:
            raise Err(Failure_Unsupported(str(unsupported))) from unsupported
        return Response([SlotObject(slot, json.dumps(value)) for slot, value in objects.items()], [])


def diagnostic(refused: Refused) -> Diagnostic:
    """As it crosses the boundary."""
    return Diagnostic(Severity.ERROR, refused.code, refused.message, refused.path, None)
