#!/usr/bin/env bash
# Checks for what the machine must have: prerequisites.sh build|test|lint|redis|emulator... Lists everything that is
# missing at once. On Debian, root installs the packages. With `--node`, the exit status says whether the machine's
# Node.js is good enough.
set -euo pipefail

has() { command -v "$1" >/dev/null; }
is_linux() { [ "$(uname -s)" = Linux ]; }
python_is_new() { has python3 && python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
# Some distributions package npm separately.
node_is_new() { has npm && has node && node -e 'process.exit(process.versions.node.split(".")[0] < 22 ? 1 : 0)'; }
node_can_be_had() { node_is_new || python_is_new; }
java_is_new() {
    has java && [ "$(java -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p')" -ge 17 ]
}
has_chromium() {
    local name
    if [ -n "${CHROMIUM:-}" ]; then has "$CHROMIUM" && return; return 1; fi
    for name in chromium chromium-browser google-chrome; do has "$name" && return; done
    return 1
}

# want TEXT PACKAGES COMMAND...: if the command fails, TEXT is missing; the Debian packages provide it.
want() {
    local text=$1 debian=$2
    shift 2
    if "$@"; then return; fi
    missing+=("$text${debian:+ (Debian: $debian)}")
    read -ra debian <<<"$debian"
    packages+=("${debian[@]}")
}

look_for() {
    missing=() packages=()
    want Linux "" is_linux
    case " $* " in *" build "* | *" test "* | *" lint "*)
        want "Rust, by rustup (https://rustup.rs)" "" has cargo
        want "a C compiler" "gcc libc6-dev" has cc
    esac
    case " $* " in
    *" test "* | *" lint "*)
        want "Python 3.11 with venv" "python3 python3-venv" python_is_new
        ;;
    *" build "*) want "Node.js 22 with npm, or Python 3.11 with venv to get it" "python3 python3-venv" node_can_be_had ;;
    esac
    # One test needs it, and skips with a note if it is missing. In CI, nothing is skipped.
    case "${CI:+ci}  $* " in *" lint "* | "ci "*" test "*) want promtool prometheus has promtool ;; esac
    case " $* " in *" test "* | *" emulator "* | *" redis "*) want redis-server redis-server has redis-server ;; esac
    case " $* " in *" test "*) want "Chromium, or CHROMIUM=/path/to/it" "chromium fonts-dejavu-core" has_chromium ;; esac
    case " $* " in *" emulator "*)
        want "Java 17" openjdk-17-jre-headless java_is_new
        want Maven maven has mvn
    esac
}

install_packages() {
    echo "Installing Debian packages: ${packages[*]}" >&2
    apt-get update -qq && apt-get install -qq -y --no-install-recommends "${packages[@]}" >/dev/null
}

if [ "$*" = --node ]; then
    node_is_new
    exit
fi
look_for "$@"
if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && has apt-get; then
    install_packages
    hash -r
    look_for "$@"
fi
if [ ${#missing[@]} -gt 0 ]; then
    echo "Missing on this machine:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    exit 1
fi
