// What becomes of a workload's pods. Changes the object that it gets.

export function place(workload, { tolerations = [], nodeSelector, nodeAffinity }) {
  const pod = workload.spec.template.spec;
  const known = new Set((pod.tolerations ?? []).map(canonical));
  const added = tolerations.filter((toleration) => !known.has(canonical(toleration)));
  if (added.length > 0) pod.tolerations = [...(pod.tolerations ?? []), ...added];
  if (nodeSelector) pod.nodeSelector = { ...pod.nodeSelector, ...nodeSelector };
  if (nodeAffinity) pod.affinity = { ...pod.affinity, nodeAffinity };
  return workload;
}

// The same text for the same toleration, whatever the order of its keys.
function canonical(toleration) {
  return JSON.stringify(Object.entries(toleration).sort());
}
