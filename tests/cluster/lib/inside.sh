#!/usr/bin/env bash
# The first process of a cluster's own network, mount and process namespaces: sets up the node and its control plane, then waits.
# When it ends, however it ends, the kernel ends every process inside. Started by `cluster up`; the environment has
# HERE, STATE, NAME, AUDIT and FAKE_NODES. Progress goes to stdout, which is a file that `cluster up` shows.
set -euo pipefail
# shellcheck source=settings.sh
source "$HERE/lib/settings.sh"
# shellcheck source=progress.sh
source "$HERE/lib/progress.sh"
# shellcheck source=processes.sh
source "$HERE/lib/processes.sh"
# shellcheck source=control-plane.sh
source "$HERE/lib/control-plane.sh"
# shellcheck source=node.sh
source "$HERE/lib/node.sh"
# shellcheck source=kwok.sh
source "$HERE/lib/kwok.sh"
PATH=$BIN:$PATH
export KUBECONFIG=$STATE/kubeconfig
API_ADDRESS=$NODE_ADDRESS API_PORT=6443 PORTS=(2379 2380 10257 10259 10247)
CGROUP=mcp-cluster-$NAME

private_mounts
network
make_cgroups
start_containerd
load_images &
loading=$!
echo 'starting the control plane'
control_plane
echo 'starting the node'
start_kubelet
start_proxy
start_dns
wait $loading
wait_until 60 kubelet 'the node to be ready' node_is_ready
wait_until 30 dns 'cluster DNS' dns_answers
wait_until 30 controller-manager 'the default service account' kubectl get serviceaccount default
if [ "$FAKE_NODES" -gt 0 ]; then
  echo "adding $FAKE_NODES fake nodes"
  fake_nodes "$FAKE_NODES" tainted
fi
touch "$STATE/node-ready"
exec "$BIN/pause"
