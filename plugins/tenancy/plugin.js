// What the component exports: the interfaces `info` and `renderer` of wit/render.wit.
//
// A `result` is returned, or its error thrown; records have camelCase keys; an `option` without value is null.

import { schema } from "./parameters.schema.js";
import { place } from "./pods.js";
import { tenantOf } from "./tenant.js";

export const info = {
  describe() {
    return {
      name: "tenancy",
      version: "0.1.0",
      description: "Runs each tenant's servers on the nodes that are meant for them.",
      emits: ["Deployment", "StatefulSet"].map((kind) => ({ apiVersion: "apps/v1", kind })),
      facts: [],
      parametersSchema: JSON.stringify(schema),
    };
  },
};

export const renderer = {
  render({ server, base, parameters }) {
    const settings = settingsOf(parameters);
    const tenant = tenantOf(JSON.parse(server).metadata, settings);
    const objects = tenant === null ? base : base.map((entry) => placed(entry, settings.tenants[tenant]));
    return { objects, diagnostics: [] };
  },
};

// Only the workload has pods; the other objects are handed on as the text that they came in.
function placed({ slot, object }, placement) {
  return { slot, object: slot === "workload" ? JSON.stringify(place(JSON.parse(object), placement)) : object };
}

// The parameters with their defaults filled in. They fit the schema, so there are `tenants`. What a schema cannot say is
// checked for every server, so that the operator's self-test finds it before a server does.
function settingsOf(parameters) {
  const settings = { namespaces: {}, label: "tenant", required: false, ...JSON.parse(parameters) };
  for (const [namespace, tenant] of Object.entries(settings.namespaces)) {
    if (!Object.hasOwn(settings.tenants, tenant)) {
      throw { tag: "unsupported", val: `parameters.namespaces.${namespace}: there is no tenant ${tenant}` };
    }
  }
  return settings;
}
