# shellcheck shell=bash
# cluster build: the components, from their Go modules, into the cache.
# Each component has a key, a hash of everything that decides its binary; it is built only when the key beside the binary differs.

# One line each: name | folder with go.mod | package | linker flags. Go prints a version only when the linker sets it.
components() {
  local variable=k8s.io/component-base/version version minor stamp name
  version=$(module_version kubernetes k8s.io/kubernetes)
  minor=${version#v1.}
  minor=${minor%%.*}
  stamp="-X $variable.gitVersion=$version -X $variable.gitMajor=1 -X $variable.gitMinor=$minor -X $variable.gitTreeState=clean"
  echo "etcd|build/etcd|go.etcd.io/etcd/server/v3|"
  for name in kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet kube-proxy; do
    echo "$name|build/kubernetes|k8s.io/kubernetes/cmd/$name|$stamp"
  done
  echo "kwok|build/kwok|sigs.k8s.io/kwok/cmd/kwok|"
  stamp="-X github.com/containerd/containerd/v2/version.Version=$(module_version containerd github.com/containerd/containerd/v2)"
  for name in containerd containerd-shim-runc-v2 ctr; do
    echo "$name|build/containerd|github.com/containerd/containerd/v2/cmd/$name|$stamp"
  done
  echo "bridge|build/cni|github.com/containernetworking/plugins/plugins/main/bridge|"
  echo "host-local|build/cni|github.com/containernetworking/plugins/plugins/ipam/host-local|"
  echo "coredns|build/coredns|.|"
  for name in pause probe mcp-stateless mcp-misbehaving auth-proxy; do
    echo "$name|workloads|./$name|"
  done
}

CONTROL_PLANE_COMPONENTS='etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kwok'

# module_version FOLDER MODULE: as the folder's go.mod requires it.
module_version() { sed -nE "s|^(require )?\s*$2 (v[^ ]+).*|\2|p" "$HERE/build/$1/go.mod" | head -n 1; }

# build [NAME...]: the named components, or all.
build() {
  mkdir -p "$BIN"
  local due=() name folder package flags key
  while IFS='|' read -r name folder package flags; do
    [ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
    key=$(component_key "$folder" "$package" "$flags")
    [ -x "$BIN/$name" ] && [ "$(cat "$BIN/.$name.key" 2>/dev/null)" = "$key" ] && continue
    due+=("$name|$folder|$package|$flags|$key")
  done < <(components)
  [ ${#due[@]} = 0 ] || with_lock build build_due "${due[@]}"
}

# Of a component's module files (all its sources, for ours) and flags. The Go version is left out on purpose: a new Go
# does not make a working binary wrong, and everything takes 12 minutes to build.
component_key() {
  (cd "$HERE/$1" && find . -type f -not -name '*_test.go' -print0 | sort -z | xargs -0 sha256sum && echo "$2 $3") | sha256sum | cut -c 1-16
}

build_due() {
  local i=0 name folder package flags key start
  for line in "$@"; do
    IFS='|' read -r name folder package flags key <<<"$line"
    i=$((i + 1))
    # Somebody else may have built it while we waited for the lock.
    [ "$(cat "$BIN/.$name.key" 2>/dev/null)" = "$key" ] && continue
    printf 'building %d/%d %s ... ' $i $# "$name" >&2
    start=$(now)
    rm -f "$BIN/.$name.key"
    CGO_ENABLED=0 GOFLAGS='-buildvcs=false -mod=readonly' nice go build -C "$HERE/$folder" -trimpath -ldflags "-s -w $flags" -o "$BIN/$name.new" "$package" ||
      fail "building $name failed" "see above; the module is $HERE/$folder"
    mv "$BIN/$name.new" "$BIN/$name" && echo "$key" >"$BIN/.$name.key"
    say "$(since "$start")"
  done
}
