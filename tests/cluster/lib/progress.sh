# shellcheck shell=bash
# Telling people what happens. Everything goes to stderr: stdout is for results that scripts read.

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE...: the first line says what is wrong, the others what to do.
fail() {
  printf '%s: %s\n' "${PROGRAM:-cluster}" "$1" >&2
  shift
  if [ $# -gt 0 ]; then printf '  %s\n' "$@" >&2; fi
  exit 1
}

# now: seconds since the epoch with milliseconds, and since: the seconds passed since a `now`, as "1.2 s".
now() { printf '%s' "$EPOCHREALTIME"; }
since() {
  local passed=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 100000))
  printf '%d.%d s' $((passed / 10)) $((passed % 10))
}
