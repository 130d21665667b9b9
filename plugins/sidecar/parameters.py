"""The parameters, as `parameters.schema.json` describes them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Read when the component is built; a plugin has no files when it runs.
SCHEMA = (Path(__file__).parent / "parameters.schema.json").read_text(encoding="utf-8")


def _default_resources() -> dict[str, Any]:
    return {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}


@dataclass(frozen=True)
class Parameters:
    """What a platform team can set."""

    image: str
    port: int
    arguments: list[str] = field(default_factory=list)
    resources: dict[str, Any] = field(default_factory=_default_resources)
    config: dict[str, str] = field(default_factory=dict)
    config_path: str = "/etc/sidecar"

    @classmethod
    def read(cls, text: str) -> "Parameters":
        """Of JSON that fits the schema."""
        values = json.loads(text)
        if "configPath" in values:
            values["config_path"] = values.pop("configPath")
        return cls(**values)
