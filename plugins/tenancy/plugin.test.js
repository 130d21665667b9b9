// The plugin as plain JavaScript: what the host would pass goes in, what it would get comes out. `npm test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { info, renderer } from "./plugin.js";

const gpu = { key: "pool", operator: "Equal", value: "gpu", effect: "NoSchedule" };
const tenants = { research: { tolerations: [gpu], nodeSelector: { pool: "gpu" } }, sales: {} };
const service = { slot: "service", object: '{ "kind": "Service" }' };

// What becomes of the pods of a server in namespace `team` with these labels.
function rendered(labels, parameters, pod = {}) {
  const workload = { slot: "workload", object: JSON.stringify({ spec: { template: { spec: pod } } }) };
  const server = JSON.stringify({ metadata: { name: "demo", namespace: "team", labels } });
  const request = { server, base: [service, workload], parameters: JSON.stringify(parameters), facts: [] };
  const { objects } = renderer.render(request);
  assert.deepEqual(objects[0], service);
  return JSON.parse(objects[1].object).spec.template.spec;
}

function refused(labels, parameters) {
  try {
    rendered(labels, parameters);
  } catch ({ tag, val }) {
    return tag === "invalid" ? { code: val[0].code, path: val[0].path } : val;
  }
  assert.fail("it was rendered");
}

test("the label chooses the tenant", () => {
  const pod = rendered({ tenant: "research" }, { tenants });
  assert.deepEqual(pod, { tolerations: [gpu], nodeSelector: { pool: "gpu" } });
});

test("the namespace chooses the tenant", () => {
  const pod = rendered({}, { tenants, namespaces: { team: "research" } });
  assert.deepEqual(pod.nodeSelector, { pool: "gpu" });
});

test("a label cannot move a server to the nodes of another tenant", () => {
  const answer = refused({ tenant: "research" }, { tenants, namespaces: { team: "sales" } });
  assert.deepEqual(answer, { code: "TenantMismatch", path: "metadata.labels[tenant]" });
});

test("an unknown tenant is refused, also one that is named like what objects inherit", () => {
  for (const tenant of ["nobody", "constructor", "__proto__"]) {
    assert.equal(refused(JSON.parse(`{"tenant": "${tenant}"}`), { tenants }).code, "TenantUnknown", tenant);
  }
});

test("a namespace of an unknown tenant is the platform team's mistake, whoever's server it is", () => {
  const answer = refused({}, { tenants, namespaces: { elsewhere: "nobody" } });
  assert.equal(answer, "parameters.namespaces.elsewhere: there is no tenant nobody");
});

test("a server without tenant is left as it is, or refused where one is required", () => {
  assert.deepEqual(rendered({}, { tenants }), {});
  assert.deepEqual(refused({}, { tenants, required: true }), { code: "TenantMissing", path: "metadata.labels" });
});

test("what an earlier plugin added stays, and nothing is there twice", () => {
  const spot = { key: "spot", operator: "Exists" };
  const pod = { tolerations: [spot, gpu], nodeSelector: { arch: "arm64" }, affinity: { podAffinity: {} } };
  const parameters = { tenants: { research: { ...tenants.research, nodeAffinity: {} } } };
  assert.deepEqual(rendered({ tenant: "research" }, parameters, pod), {
    tolerations: [spot, gpu],
    nodeSelector: { arch: "arm64", pool: "gpu" },
    affinity: { podAffinity: {}, nodeAffinity: {} },
  });
});

test("the defaults in the schema are those of the plugin", () => {
  const { properties } = JSON.parse(info.describe().parametersSchema);
  const defaults = Object.entries(properties).filter(([, property]) => "default" in property);
  assert.deepEqual(Object.fromEntries(defaults.map(([name, { default: value }]) => [name, value])), {
    namespaces: {},
    label: "tenant",
    required: false,
  });
});
