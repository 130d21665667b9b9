# shellcheck shell=bash
# Fake nodes: KWOK answers for their kubelets, so thousands of pods become Running and Ready without a container.

# fake_nodes COUNT [TAINT]: kwok-0 … with the label type=kwok. With TAINT, only pods that tolerate kwok.x-k8s.io/node land there.
fake_nodes() {
  local i taint=''
  [ "${2:-}" = '' ] || taint='taints: [{key: kwok.x-k8s.io/node, value: fake, effect: NoSchedule}]'
  start kwok "$BIN/kwok" --kubeconfig="$STATE/users/kwok" --config="$HERE/kwok-stages.yaml" \
    --manage-nodes-with-label-selector=type=kwok --node-lease-duration-seconds=40 --server-address="127.0.0.1:${PORTS[4]}"
  for ((i = 0; i < $1; i++)); do
    cat <<Y
---
apiVersion: v1
kind: Node
metadata:
  name: kwok-$i
  annotations: {node.alpha.kubernetes.io/ttl: "0"}
  labels: {type: kwok, kubernetes.io/hostname: kwok-$i, kubernetes.io/os: linux, kubernetes.io/arch: amd64}
spec: {$taint}
Y
  done | kubectl create -f - >/dev/null
  wait_until 60 kwok 'the fake nodes to be ready' kubectl wait --for=condition=Ready node -l type=kwok --timeout=5s
}
