# shellcheck shell=bash
# Starting, watching and ending the processes of one cluster, whose folder is $STATE.
# Every process carries MCP_CLUSTER_STATE=$STATE in its environment: that is how `cluster down` finds all of them, and no other.

# start NAME COMMAND...: in the background, apart from the terminal, with its output in logs/NAME.log.
start() {
  local name=$1
  shift
  MCP_CLUSTER_STATE=$STATE setsid "$@" >"$STATE/logs/$name.log" 2>&1 </dev/null &
  echo $! >"$STATE/pids/$name"
}

# wait_until SECONDS NAME WHAT COMMAND...: until the command succeeds; fails early when the process NAME has ended.
wait_until() {
  local deadline=$((SECONDS + $1)) name=$2 what=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    kill -0 "$(cat "$STATE/pids/$name")" 2>/dev/null || give_up "$name" "$name ended while we waited for $what"
    [ $SECONDS -lt $deadline ] || give_up "$name" "gave up waiting for $what"
    sleep 0.05
  done
}

give_up() {
  say "--- the end of the log of $1:"
  tail -n 15 "$STATE/logs/$1.log" >&2
  say '---'
  fail "$2"
}

# processes_of STATE: the ids of all processes of a cluster that can be seen from here.
processes_of() {
  grep -lszxF "MCP_CLUSTER_STATE=$1" /proc/[0-9]*/environ | cut -d / -f 3 || true
}

# belongs_to STATE PID: whether that process lives and is one of them, and not another one that got the number later.
belongs_to() { grep -qszxF "MCP_CLUSTER_STATE=$1" "/proc/$2/environ"; }

# end_processes STATE: at once; the state is thrown away, so nothing needs a graceful end. Returns when all are gone.
end_processes() {
  local pids pid all=() deadline=$((SECONDS + 20))
  while pids=$(processes_of "$1") && [ -n "$pids" ]; do
    mapfile -t -O ${#all[@]} all <<<"$pids"
    # shellcheck disable=SC2086 # one word for each process
    kill -KILL $pids 2>/dev/null || true
    [ $SECONDS -lt $deadline ] || fail "processes of $1 do not end: ${pids//$'\n'/ }"
    sleep 0.05
  done
  # A killed process loses its environment first and is gone a moment later.
  for pid in "${all[@]}"; do
    while lives "$pid" && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
  done
}

# lives PID: exists, and is not just waiting for its parent to notice that it ended.
lives() { [ -e "/proc/$1/status" ] && ! grep -qs '^State:[[:space:]]*[ZX]' "/proc/$1/status"; }
