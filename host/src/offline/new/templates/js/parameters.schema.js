// What a platform team can set, as a JSON Schema. It shows in `mcp-render inspect`.
export const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  additionalProperties: false,
  properties: {
    classes: {
      description: "The priority classes that servers may ask for. The first one is for those that ask for none.",
      type: "array",
      items: { type: "string", minLength: 1 },
      minItems: 1,
      default: ["mcp-standard", "mcp-high"],
    },
  },
};
