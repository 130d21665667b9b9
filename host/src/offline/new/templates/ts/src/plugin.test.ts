// The plugin as plain TypeScript: what the host would pass goes in, what it would get comes out.

import assert from "node:assert/strict";
import { test } from "node:test";

import { renderer } from "./plugin.js";

const service = { slot: "service", object: '{ "kind": "Service" }' };

// What becomes of the pods of a server with these labels.
function pod(labels: Record<string, string>, parameters: string | null = null): unknown {
  const workload = { slot: "workload", object: JSON.stringify({ spec: { template: { spec: {} } } }) };
  const server = JSON.stringify({ metadata: { name: "demo", namespace: "team", labels } });
  const { objects } = renderer.render({ server, base: [service, workload], parameters, facts: [] });
  assert.deepEqual(objects[0], service);
  return JSON.parse(objects[1].object).spec.template.spec;
}

test("the label chooses among the classes", () => {
  assert.deepEqual(pod({}), { priorityClassName: "mcp-standard" });
  assert.deepEqual(pod({ priority: "mcp-high" }), { priorityClassName: "mcp-high" });
  assert.deepEqual(pod({ priority: "b" }, '{"classes": ["a", "b"]}'), { priorityClassName: "b" });
});

test("a class that is not offered is refused", () => {
  assert.throws(() => pod({ priority: "urgent" }), { tag: "invalid" });
});
