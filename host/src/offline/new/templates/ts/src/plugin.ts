// What the component exports: the interfaces `info` and `renderer` of wit/render.wit.

import { classOf } from "./priority.js";
import { schema } from "./schema.js";
import type { PluginInfo, Request, Response, SlotObject } from "./wit.js";

export const info = {
  describe(): PluginInfo {
    return {
      name: "my-policy",
      version: "0.1.0",
      description: "Gives every server's pods a priority class.",
      emits: [{ apiVersion: "apps/v1", kind: "Deployment" }],
      facts: [],
      parametersSchema: JSON.stringify(schema),
    };
  },
};

export const renderer = {
  render({ server, base, parameters }: Request): Response {
    const { classes = schema.properties.classes.default } = JSON.parse(parameters ?? "{}");
    const priorityClass = classOf(JSON.parse(server).metadata, classes);
    const objects = base.map((entry) => (entry.slot === "workload" ? prioritized(entry, priorityClass) : entry));
    return { objects, diagnostics: [] };
  },
};

// Only the workload has pods; the other objects are handed on as the text that they came in.
function prioritized({ slot, object }: SlotObject, priorityClassName: string): SlotObject {
  const workload = JSON.parse(object);
  workload.spec.template.spec.priorityClassName = priorityClassName;
  return { slot, object: JSON.stringify(workload) };
}
