# shellcheck shell=bash
# cluster setup: what the machine must have. Installs what Debian packages; names the command for what it does not.

# command:package, for everything that apt can install.
BASE_COMMANDS=(python3:python3 openssl:openssl curl:curl flock:util-linux)
NODE_COMMANDS=(runc:runc nft:nftables ip:iproute2 unshare:util-linux)

# with_lock NAME COMMAND...: so that several `up`s at once prepare one after the other, and the later ones find it done.
with_lock() {
  local lock
  mkdir -p "$CACHE"
  exec {lock}>"$CACHE/$1.lock"
  flock "$lock"
  shift
  "$@"
  exec {lock}>&-
}

# setup [--control-plane-only]
setup() {
  local wanted=("${BASE_COMMANDS[@]}") packages=()
  [ "${1:-}" = --control-plane-only ] || wanted+=("${NODE_COMMANDS[@]}")
  for pair in "${wanted[@]}"; do
    command -v "${pair%%:*}" >/dev/null || packages+=("${pair##*:}")
  done
  [ -r /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)
  [ ${#packages[@]} = 0 ] || install_packages "${packages[@]}"
  check_go
  if [ "${1:-}" = --control-plane-only ]; then return; fi
  check_npm
  fetch_busybox
}

install_packages() {
  local command="apt-get install -y --no-install-recommends $*"
  command -v apt-get >/dev/null || fail "missing: $*" "install these (here by their Debian names) with your package manager"
  [ "$(id -u)" = 0 ] || fail "missing: $*" "install: sudo $command"
  say "installing $*"
  apt_get install -y --no-install-recommends "$@" || fail "could not install $*" "try: apt-get update && $command"
}

# apt_get ARGUMENT...: quiet; fetches the package lists, which takes seconds and a network, only when it does not work without.
apt_get() {
  local log=$CACHE/apt.log
  mkdir -p "$CACHE"
  if DEBIAN_FRONTEND=noninteractive apt-get "$@" >"$log" 2>&1; then return; fi
  say 'updating the package lists'
  apt-get update >>"$log" 2>&1 || say "apt-get update failed; going on (see $log)"
  if DEBIAN_FRONTEND=noninteractive apt-get "$@" >"$log" 2>&1; then return; fi
  tail -n 5 "$log" >&2
  return 1
}

# The module files ask for Go 1.26; Go 1.21 and newer fetch the version that a module asks for by themselves.
check_go() {
  local advice='install Go 1.26 or newer from https://go.dev/dl, as: curl -fsSL https://go.dev/dl/go1.26.8.linux-amd64.tar.gz | tar -C /usr/local -xz; then put /usr/local/go/bin on the PATH'
  command -v go >/dev/null || fail "missing: go" "$advice"
  local version minor
  version=$(cd "$HERE/build/containerd" && go env GOVERSION 2>/dev/null) || fail "go cannot build our modules (they need Go 1.26)" "$advice"
  minor=${version#go1.}
  minor=${minor%%[!0-9]*}
  [ "${minor:-0}" -ge 26 ] || fail "$version is too old" "$advice"
}

# The image of the real MCP server holds this machine's node.
check_npm() {
  local advice='install Node.js 18 or newer with npm: apt-get install -y nodejs npm, or https://nodejs.org/en/download'
  command -v node >/dev/null || fail "missing: node" "$advice"
  command -v npm >/dev/null || fail "missing: npm" "$advice"
}

# A static busybox for images that need a shell. Unpacked into the cache: installing the package would replace the machine's own.
fetch_busybox() {
  local folder=$PARTS/busybox
  [ -x "$folder/bin/busybox" ] && return
  unpack_package busybox-static "$folder/unpacked"
  mkdir -p "$folder/bin" && mv "$folder/unpacked/bin/busybox" "$folder/bin/busybox"
  rm -rf "$folder/unpacked"
}

# unpack_package NAME FOLDER: the files of a Debian package, without installing it.
unpack_package() {
  command -v apt-get >/dev/null || fail "missing: $1" "put the files of this Debian package into $2"
  rm -rf "$2.download" && mkdir -p "$2.download"
  (cd "$2.download" && apt_get download "$1") || fail "could not download $1" "try: apt-get update, or put its files into $2"
  rm -rf "$2" && dpkg-deb --extract "$2.download"/*.deb "$2"
  rm -rf "$2.download"
}
