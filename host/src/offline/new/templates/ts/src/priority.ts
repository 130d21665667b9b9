// The policy: which class a server gets.

import type { Failure } from "./wit.js";

const LABEL = "priority";

interface Metadata {
  labels?: Record<string, string>;
}

export function classOf({ labels = {} }: Metadata, classes: string[]): string {
  const asked = Object.hasOwn(labels, LABEL) ? labels[LABEL] : classes[0];
  if (classes.includes(asked)) return asked;
  const message = `The priority class ${asked} is not offered; write one of: ${classes.join(", ")}.`;
  throw refusal("PriorityNotOffered", message, `metadata.labels[${LABEL}]`);
}

// For the server's author, who has to change something.
function refusal(code: string, message: string, path: string): Failure {
  return { tag: "invalid", val: [{ severity: "error", code, message, path, slot: null }] };
}
