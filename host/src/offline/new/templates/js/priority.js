// The policy: which class a server gets.

const LABEL = "priority";

export function classOf({ labels = {} }, classes) {
  const asked = Object.hasOwn(labels, LABEL) ? labels[LABEL] : classes[0];
  if (classes.includes(asked)) return asked;
  const message = `The priority class ${asked} is not offered; write one of: ${classes.join(", ")}.`;
  throw refusal("PriorityNotOffered", message, `metadata.labels[${LABEL}]`);
}

// The WIT's `failure.invalid`: for the server's author, who has to change something.
function refusal(code, message, path) {
  return { tag: "invalid", val: [{ severity: "error", code, message, path, slot: null }] };
}
