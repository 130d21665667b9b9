# shellcheck shell=bash disable=SC2034 # the other files use these
# Where things are and which addresses the cluster uses. Only assignments: nothing here does anything.

CACHE=${MCP_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mcp-operator/cluster}
BIN=$CACHE/bin       # the components, built by `cluster build`
IMAGES=$CACHE/images # image archives, made by `cluster images`; every new cluster gets them
PARTS=$CACHE/parts   # what goes into images and comes from elsewhere: busybox, node_modules
RUN=$CACHE/run       # one folder for each running cluster

DEFAULT_NAME=${MCP_CLUSTER:-n1}

# A cluster with a real node has a network namespace of its own, so every cluster uses the same addresses and ports.
NODE_ADDRESS=10.88.0.1 # of the pods' bridge; the API server, the kubelet, CoreDNS and the image mirror listen on it
POD_RANGE=10.88.0.0/16
FIRST_POD_ADDRESS=10.88.1.0
SERVICE_RANGE=10.96.0.0/12
API_SERVICE_ADDRESS=10.96.0.1 # the first of the range: the API server takes it for `kubernetes.default`
DNS_SERVICE_ADDRESS=10.96.0.10
MIRROR_PORT=5000
