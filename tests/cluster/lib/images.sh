# shellcheck shell=bash
# cluster images: image archives from local files, with no container engine. Each archive has a key beside it, a hash of what goes in.

images() {
  mkdir -p "$IMAGES" "$PARTS"
  with_lock setup fetch_busybox
  build pause probe mcp-stateless mcp-misbehaving auth-proxy
  local shell=("$PARTS/busybox/bin/busybox:/bin/busybox" "$PARTS/busybox/links:/bin")
  link_busybox
  image localhost/pause:1 --user 65535:65535 --entrypoint '["/pause"]' "$BIN/pause:/pause"
  image localhost/probe:1 --entrypoint '["/probe"]' --port 8080 "$BIN/probe:/probe" :/tmp
  image localhost/busybox:1 --user 0:0 --cmd '["sh"]' "${shell[@]}" :/tmp
  image localhost/mcp-stateless:1 --entrypoint '["/mcp-stateless"]' --port 8080 "$BIN/mcp-stateless:/mcp-stateless"
  image localhost/mcp-misbehaving:1 --entrypoint '["/mcp-misbehaving"]' --port 8080 "$BIN/mcp-misbehaving:/mcp-misbehaving"
  image localhost/auth-proxy:1 --entrypoint '["/auth-proxy"]' --port 8443 "$BIN/auth-proxy:/auth-proxy"
  image_everything "${shell[@]}"
}

# A real MCP server nobody here wrote: npm's server-everything, on this machine's node, speaking Streamable HTTP at :3001/mcp.
# The lock file beside package.json pins it and everything it needs.
image_everything() {
  local folder=$PARTS/everything node
  node=$(readlink -f "$(command -v node)")
  if ! cmp -s "$HERE/images/everything/package-lock.json" "$folder/installed.json"; then
    say "installing $(sed -nE 's|.*"(@.*)": "([0-9].*)".*|\1@\2|p' "$HERE/images/everything/package.json") from npm"
    mkdir -p "$folder" && rm -f "$folder/installed.json"
    cp "$HERE"/images/everything/package*.json "$folder/"
    (cd "$folder" && npm ci --omit=dev --no-audit --no-fund --loglevel=error --update-notifier=false >&2) || fail "npm ci failed" "the folder is $folder"
    cp "$folder/package-lock.json" "$folder/installed.json"
  fi
  image localhost/mcp-everything:1 --user 1000:1000 --workdir /app --env PORT=3001 --env NODE_ENV=production --port 3001 \
    --entrypoint '["/usr/bin/node","/app/node_modules/@modelcontextprotocol/server-everything/dist/index.js"]' --cmd '["streamableHttp"]' \
    --binary "$node:/usr/bin/node" "$@" "$folder/node_modules:/app/node_modules" \
    "/etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt" :/tmp
}

# The operator's own image: the binary, the libraries it links to, CA certificates, and nothing else. Numeric user 65532.
# image_operator PATH: prints the archive's path.
image_operator() {
  [ -x "${1:-}" ] || fail "${1:-no path given}: not a program" "usage: cluster image-operator PATH_TO_mcp-operator (after: cargo build --bin mcp-operator)"
  local certificates=/etc/ssl/certs/ca-certificates.crt
  [ -r "$certificates" ] || fail "$certificates is missing" "install: apt-get install -y ca-certificates"
  mkdir -p "$CACHE/operator"
  local out=$CACHE/operator/mcp-operator.tar
  "$HERE/images/make-image.py" "$out" localhost/mcp-operator:dev --entrypoint '["/mcp-operator"]' \
    --binary "$(realpath "$1"):/mcp-operator" "$certificates:$certificates" >&2
  echo "$out"
}

# image NAME:TAG ARGUMENT...: makes the archive when its inputs changed. Arguments as of make-image.py.
image() {
  local file key
  file=${1##*/}
  file=$IMAGES/${file%%:*}.tar
  key=$(image_key "$@")
  [ -e "$file" ] && [ "$(cat "$file.key" 2>/dev/null)" = "$key" ] && return
  say "making image $("$HERE/images/make-image.py" "$file" "$@")"
  echo "$key" >"$file.key"
}

# Of the arguments and, for every SOURCE:TARGET among them, the source's size and time (a folder's: of its install record).
image_key() {
  local argument source
  {
    sha256sum <"$HERE/images/make-image.py"
    printf '%s\n' "$@"
    for argument in "$@"; do
      source=${argument%%:*}
      case $argument in /*:/*) stat -L -c '%n %s %Y' "$source" "$source/../installed.json" 2>/dev/null || true ;; esac
    done
  } | sha256sum | cut -c 1-16
}

# The commands that a shell in a test image offers.
link_busybox() {
  local name links=$PARTS/busybox/links
  mkdir -p "$links"
  for name in sh cat sleep ls echo wget env id nslookup; do
    [ -L "$links/$name" ] || ln -s /bin/busybox "$links/$name"
  done
}
