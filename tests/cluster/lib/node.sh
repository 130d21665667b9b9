# shellcheck shell=bash
# One real node: containerd, kubelet, kube-proxy, CoreDNS, image mirror. Runs as root inside the cluster's own namespaces,
# where /run, /var/lib, /var/log and /usr/libexec are overlays: what the components write to their usual places ends up in $STATE.

# private_mounts: before anything else, in the new mount namespace.
private_mounts() {
  local data=$STATE/data folder name setting
  make_data_usable "$data"
  for folder in /run /var/lib /var/log /usr/libexec; do
    name=${folder//\//_}
    mkdir -p "$data/overlay/upper$name" "$data/overlay/work$name"
    mount -t overlay -o "lowerdir=$folder,upperdir=$data/overlay/upper$name,workdir=$data/overlay/work$name" overlay "$folder"
  done
  # An overlay cannot hold containerd's own overlays, and the kubelet's volumes are mount points: plain folders for both.
  for name in containerd kubelet; do
    mkdir -p "$data/$name" "/var/lib/$name"
    mount --bind "$data/$name" "/var/lib/$name"
  done
  # The kubelet wants these kernel settings and sets them for the whole machine if they differ: show it what it wants.
  for setting in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
    name=$STATE/etc/${setting//\//_}
    echo "${setting#*=}" >"${name%=*}"
    mount --bind "${name%=*}" "/proc/sys/${setting%=*}"
  done
  # Cluster DNS, for every process that `cluster exec` starts.
  printf 'nameserver %s\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n' "$DNS_SERVICE_ADDRESS" >"$STATE/etc/resolv.conf"
  mount --bind "$STATE/etc/resolv.conf" /etc/resolv.conf
}

# Where the file system is an overlay itself (inside a container), it cannot be the upper layer of another: use memory then.
make_data_usable() {
  local try=$1/try
  mkdir -p "$try/lower" "$try/upper" "$try/work" "$try/merged"
  if mount -t overlay -o "lowerdir=$try/lower,upperdir=$try/upper,workdir=$try/work" overlay "$try/merged" 2>/dev/null; then
    umount "$try/merged"
    rm -rf "$try"
  else
    rm -rf "$try"
    mount -t tmpfs -o size=80% tmpfs "$1"
  fi
}

# The bridge that pods are on. The route makes Service addresses work for processes outside pods, too, and never leak.
network() {
  ip link set lo up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  ip link add pods type bridge
  ip addr add "$NODE_ADDRESS/${POD_RANGE#*/}" dev pods
  ip link set pods up
  ip route add "$SERVICE_RANGE" dev pods src "$NODE_ADDRESS"
}

# A cgroup of the cluster's own in every controller; version 1 children start without CPUs, version 2 children without controllers.
make_cgroups() {
  local root=/sys/fs/cgroup controller
  if [ -e $root/cgroup.controllers ]; then
    for controller in cpuset cpu io memory pids; do
      echo "+$controller" >$root/cgroup.subtree_control 2>/dev/null || say "cannot enable the cgroup controller $controller here"
    done
    mkdir -p "$root/$CGROUP"
    return
  fi
  for controller in "$root"/*/; do
    [ -e "$controller/cgroup.procs" ] || continue
    mkdir -p "$controller$CGROUP"
    [ -e "$controller/cpuset.cpus" ] || continue
    cat "$controller/cpuset.cpus" >"$controller$CGROUP/cpuset.cpus"
    cat "$controller/cpuset.mems" >"$controller$CGROUP/cpuset.mems"
  done
}

start_containerd() {
  write_containerd_config
  mkdir -p "$STATE/etc/hosts.d/_default"
  cat >"$STATE/etc/hosts.d/_default/hosts.toml" <<T
server = "http://$NODE_ADDRESS:$MIRROR_PORT"
[host."http://$NODE_ADDRESS:$MIRROR_PORT"]
capabilities = ["pull", "resolve"]
T
  cat >"$STATE/etc/cni/10-pods.conflist" <<J
{"cniVersion": "1.0.0", "name": "pods", "plugins": [{
  "type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": false, "hairpinMode": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "$POD_RANGE", "rangeStart": "$FIRST_POD_ADDRESS"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
J
  start mirror "$HERE/images/mirror.py" "$NODE_ADDRESS" "$MIRROR_PORT" "$STATE/images"
  start containerd "$BIN/containerd" --config "$STATE/etc/containerd.toml"
}

# restrict_oom_score_adj: without CAP_SYS_RESOURCE (common inside containers) pods could not start.
write_containerd_config() {
  cat >"$STATE/etc/containerd.toml" <<T
version = 3
imports = []
disabled_plugins = [
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.native", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[plugins."io.containerd.internal.v1.opt"]
path = "/var/lib/containerd/opt"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "localhost/pause:1"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "$STATE/etc/hosts.d"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["$BIN"]
conf_dir = "$STATE/etc/cni"
use_internal_loopback = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
T
}

load_images() {
  local archive
  wait_until 30 containerd containerd ctr version
  for archive in "$STATE"/images/*.tar; do load_image "$archive"; done
  wait_until 10 mirror 'the image mirror' curl -sf "http://$NODE_ADDRESS:$MIRROR_PORT/v2/"
}

load_image() {
  ctr -n k8s.io images import --local "$1" >>"$STATE/logs/images.log" 2>&1 || give_up images "containerd does not take $1"
}

# syncFrequency: the kubelet looks at a crashed pod again after min(back-off, syncFrequency), so with the usual minute the reason
# CrashLoopBackOff would show up to a minute late. evictionHard: nearly full disks of developers must not evict pods.
start_kubelet() {
  printf 'nameserver %s\n' "$NODE_ADDRESS" >"$STATE/etc/node-resolv.conf"
  cat >"$STATE/etc/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE_ADDRESS
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: $STATE/pki/ca.crt}}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failCgroupV1: false
failSwapOn: false
syncFrequency: 5s
clusterDomain: cluster.local
clusterDNS: [$DNS_SERVICE_ADDRESS]
resolvConf: $STATE/etc/node-resolv.conf
makeIPTablesUtilChains: false
oomScoreAdj: 0
maxOpenFiles: 20000
serializeImagePulls: false
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
Y
  start kubelet "$BIN/kubelet" --config="$STATE/etc/kubelet.yaml" --kubeconfig="$STATE/users/node" --hostname-override="$NAME" --node-ip="$NODE_ADDRESS"
}

# conntrack 0 means "leave as it is": anything else writes settings of the whole machine.
start_proxy() {
  cat >"$STATE/etc/proxy.yaml" <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: $NAME
clusterCIDR: $POD_RANGE
detectLocalMode: ClusterCIDR
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
nodePortAddresses: [primary]
oomScoreAdj: 0
clientConnection: {kubeconfig: $STATE/users/proxy}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {minSyncPeriod: 100ms}
Y
  start proxy "$BIN/kube-proxy" --config="$STATE/etc/proxy.yaml"
}

# CoreDNS is a process beside the kubelet and not a pod: one image less. A Service without selector points at it.
# The catch-all zone is a server block of its own because `template` answers before `kubernetes` within one.
start_dns() {
  cat >"$STATE/etc/Corefile" <<C
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
  bind $NODE_ADDRESS
  errors
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig $STATE/users/dns $NAME
    ttl 2
    pods insecure
  }
}
.:53 {
  bind $NODE_ADDRESS
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
C
  start dns "$BIN/coredns" -conf "$STATE/etc/Corefile"
  kubectl create -f - >/dev/null <<Y
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec: {clusterIP: $DNS_SERVICE_ADDRESS, ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kube-dns-host, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}
addressType: IPv4
ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
endpoints: [{addresses: [$NODE_ADDRESS], conditions: {ready: true}}]
Y
}

node_is_ready() { [ "$(kubectl get node "$NAME" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }
dns_answers() { getent hosts kubernetes.default.svc.cluster.local; }
