# shellcheck shell=bash
# The life of one cluster: up, exec, load, down, list. Its folder is $RUN/NAME:
#   kubeconfig   users/   pki/   logs/   pids/   etc/   data/   images/   audit.log
#   options      what it was started with     first-pid   of its namespaces     ready   exists when it is

# up NAME AUDIT FAKE_NODES CONTROL_PLANE_ONLY: prints the kubeconfig's path.
up() {
  NAME=$1 AUDIT=$2 FAKE_NODES=$3
  local only=$4 start options="audit=$2 kwok=$3 control-plane-only=$4"
  STATE=$RUN/$NAME
  start=$(now)
  lock_name "$NAME"
  if is_up "$NAME"; then
    [ "$(cat "$STATE/options")" = "$options" ] ||
      fail "$NAME is up with other options ($(cat "$STATE/options"))" "end it first: cluster down $NAME"
    echo "$STATE/kubeconfig"
    return
  fi
  remove "$NAME"
  # From here on, whatever goes wrong, nothing stays.
  trap 'remove "$NAME"; unlock_name' EXIT
  trap 'exit 130' INT TERM HUP
  mkdir -p "$STATE"/{users,pki,logs,pids,etc/cni,data,images}
  echo "$options" >"$STATE/options"
  # The lock must not be inherited: it would be held for as long as the cluster runs.
  if [ "$only" = 1 ]; then up_control_plane {LOCK}>&-; else up_namespaces {LOCK}>&-; fi
  trap - EXIT INT TERM HUP
  say "$NAME is ready after $(since "$start")"
  echo "$STATE/kubeconfig"
}

# check_can_make_nodes: before minutes are spent on building.
check_can_make_nodes() {
  local advice='without root there is: cluster up --control-plane-only --kwok 1 (a real API server, fake nodes)'
  [ "$(id -u)" = 0 ] || fail 'a real node needs root' "$advice"
  unshare --net --mount --pid --fork true 2>/dev/null || fail 'this machine lets not even root make namespaces' "$advice"
}

# A control plane of ordinary processes on free loopback ports, for any user.
up_control_plane() {
  mapfile -t PORTS < <(free_ports 6)
  API_ADDRESS=127.0.0.1 API_PORT=${PORTS[5]}
  export KUBECONFIG=$STATE/kubeconfig
  PATH=$BIN:$PATH
  say 'starting the control plane'
  control_plane
  wait_until 30 controller-manager 'the default service account' kubectl get serviceaccount default
  if [ "$FAKE_NODES" -gt 0 ]; then
    say "adding $FAKE_NODES fake nodes"
    fake_nodes "$FAKE_NODES"
  fi
  touch "$STATE/ready"
}

free_ports() {
  python3 - "$1" <<'P'
import socket, sys
sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets), sep='\n')
P
}

# A node and its control plane in namespaces of their own. All archives in the cache are its first images: hard links, so that
# making an image anew does not change what this cluster serves.
up_namespaces() {
  cp -l "$IMAGES"/*.tar "$STATE/images/" 2>/dev/null || cp "$IMAGES"/*.tar "$STATE/images/"
  local outer line log
  : >"$STATE/logs/up.log"
  env MCP_CLUSTER_STATE="$STATE" MCP_CLUSTER_CACHE="$CACHE" HERE="$HERE" STATE="$STATE" NAME="$NAME" AUDIT="$AUDIT" FAKE_NODES="$FAKE_NODES" \
    setsid unshare --net --mount --propagation private --pid --fork --kill-child --mount-proc \
    bash "$HERE/lib/inside.sh" >"$STATE/logs/up.log" 2>&1 </dev/null &
  outer=$!
  disown # or bash would report its end as a killed job
  exec {log}<"$STATE/logs/up.log"
  while [ ! -e "$STATE/node-ready" ] && kill -0 $outer 2>/dev/null; do
    while IFS= read -r line <&"$log"; do say "$line"; done
    sleep 0.05
  done
  while IFS= read -r line <&"$log"; do say "$line"; done
  [ -e "$STATE/node-ready" ] || exit 1
  exec {log}<&-
  # Its only child is the first process of the namespaces.
  tr -d ' ' <"/proc/$outer/task/$outer/children" >"$STATE/first-pid"
  touch "$STATE/ready"
}

# down NAME
down() {
  lock_name "$1"
  remove "$1"
  unlock_name
}

# remove NAME: ends all its processes, then takes away its cgroups and its folder. Also when it never came up, or was killed.
remove() {
  local state=$RUN/$1 i
  [ -e "$state" ] || return 0
  end_processes "$state"
  for i in {1..100}; do
    remove_cgroups "mcp-cluster-$1" && break
    sleep 0.05
  done
  [ "$i" -lt 100 ] || say "cgroups named mcp-cluster-$1 remain under /sys/fs/cgroup: processes in them do not end"
  rm -rf --one-file-system "$state" || fail "could not remove $state" "see above; try again: cluster down $1"
}

# The kernel removes a cgroup only when the processes in it are gone, which takes a moment after they were killed.
remove_cgroups() {
  local folder gone=0
  for folder in /sys/fs/cgroup/"$1" /sys/fs/cgroup/*/"$1"; do
    [ -d "$folder" ] || continue
    find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || gone=1
  done
  return $gone
}

is_alive() { [ -n "$(processes_of "$RUN/$1")" ]; }

is_up() {
  [ -e "$RUN/$1/ready" ] || return 1
  # The first process of the namespaces is enough: all others die with it.
  if is_control_plane_only "$1"; then is_alive "$1"; else belongs_to "$RUN/$1" "$(cat "$RUN/$1/first-pid")"; fi
}

must_be_up() { is_up "$1" || fail "$1 is not up" "start it: cluster up $1; see what is up: cluster list"; }
is_control_plane_only() { [ ! -e "$RUN/$1/first-pid" ]; }
names() { (mkdir -p "$RUN" && cd "$RUN" && shopt -s nullglob && set -- */ && echo "${*%/}"); }

# run_inside NAME COMMAND...: with KUBECONFIG, kubectl on the PATH, and in namespaces when the cluster has them.
run_inside() {
  local name=$1
  shift
  must_be_up "$name"
  export KUBECONFIG=$RUN/$name/kubeconfig PATH=$BIN:$PATH
  if is_control_plane_only "$name"; then exec "$@"; fi
  exec python3 -IS "$HERE/lib/enter.py" "$(cat "$RUN/$name/first-pid")" "$@"
}

# load NAME ARCHIVE...
load() {
  local name=$1 archive
  shift
  must_be_up "$name"
  if is_control_plane_only "$name"; then fail "$name has no real node: nothing runs images there"; fi
  for archive in "$@"; do
    [ -r "$archive" ] || fail "$archive: no such file" "make one: cluster image, cluster image-operator"
    cp "$archive" "$RUN/$name/images/.new" && mv "$RUN/$name/images/.new" "$RUN/$name/images/$(basename "$archive")"
    (run_inside "$name" ctr -n k8s.io images import --local "$RUN/$name/images/$(basename "$archive")") >"$RUN/$name/logs/images.log" 2>&1 ||
      fail "containerd does not take $archive:" "$(tail -n 3 "$RUN/$name/logs/images.log")"
  done
}

list() {
  local name state kind
  printf '%-12s %-8s %-20s %s\n' NAME STATE KIND KUBECONFIG
  for name in $(names); do
    kind='real node' state=ready
    grep -q 'control-plane-only=1' "$RUN/$name/options" 2>/dev/null && kind='control plane only'
    [ -e "$RUN/$name/ready" ] || state=starting
    is_alive "$name" || state=dead
    printf '%-12s %-8s %-20s %s\n' "$name" "$state" "$kind" "$RUN/$name/kubeconfig"
  done
}

# One lock for each name, so that two `up` of one name are one after the other: the second finds the cluster ready.
# The file is removed with the lock held; whoever waited for the removed file sees that it is another one now, and tries again.
lock_name() {
  local file=$RUN/.$1.lock
  mkdir -p "$RUN"
  while :; do
    exec {LOCK}>"$file"
    flock --nonblock "$LOCK" || { say "waiting for another command on $1"; flock "$LOCK"; }
    [ "$file" -ef "/dev/fd/$LOCK" ] && break
    exec {LOCK}>&-
  done
  LOCK_FILE=$file
}

unlock_name() {
  rm -f "$LOCK_FILE"
  exec {LOCK}>&-
}
