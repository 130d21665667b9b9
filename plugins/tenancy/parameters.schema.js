// What a platform team can set, as a JSON Schema. It shows in `mcp-render inspect`.
export const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  additionalProperties: false,
  required: ["tenants"],
  properties: {
    tenants: {
      description: "Where the pods of each tenant run. The fields are those of a Kubernetes PodSpec.",
      type: "object",
      additionalProperties: {
        type: "object",
        additionalProperties: false,
        properties: {
          tolerations: { type: "array", items: { type: "object" } },
          nodeSelector: { type: "object", additionalProperties: { type: "string" } },
          nodeAffinity: { type: "object" },
        },
      },
    },
    namespaces: {
      description: "The tenant of each namespace. The servers in it cannot choose another.",
      type: "object",
      additionalProperties: { type: "string" },
      default: {},
    },
    label: {
      description: "The label of an MCPServer that names its tenant, in namespaces that are not listed.",
      type: "string",
      minLength: 1,
      default: "tenant",
    },
    required: {
      description: "Whether a server without a tenant is refused. Otherwise it is left as it is.",
      type: "boolean",
      default: false,
    },
  },
};
