// Whose server is it? The namespace decides, where the platform team has listed it; elsewhere a label of the server does.

// The name of the tenant, one of `settings.tenants`; null for a server that has none and needs none.
export function tenantOf({ namespace, labels = {} }, { tenants, namespaces, label, required }) {
  const assigned = own(namespaces, namespace);
  const claimed = own(labels, label);
  if (assigned !== undefined && claimed !== undefined && claimed !== assigned) {
    const message = `The namespace ${namespace} belongs to ${assigned}: remove the label ${label}, or write ${assigned}.`;
    throw refusal("TenantMismatch", message, `metadata.labels[${label}]`);
  }
  const tenant = assigned ?? claimed;
  if (tenant === undefined) {
    if (!required) return null;
    throw refusal("TenantMissing", `Set the label ${label} to one of: ${names(tenants)}.`, "metadata.labels");
  }
  if (Object.hasOwn(tenants, tenant)) return tenant;
  throw refusal("TenantUnknown", `There is no tenant ${tenant}; write one of: ${names(tenants)}.`, `metadata.labels[${label}]`);
}

// Not what every object inherits, such as `constructor`.
function own(object, key) {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function names(tenants) {
  return Object.keys(tenants).sort().join(", ");
}

// The WIT's `failure.invalid`: for the server's author, who has to change something.
function refusal(code, message, path) {
  return { tag: "invalid", val: [{ severity: "error", code, message, path, slot: null }] };
}
