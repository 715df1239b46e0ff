#!/usr/bin/env bash
# Runs a command on a single-node Kubernetes: with.sh FOLDER-OF-TOOLS COMMAND...
#
# The node has its own processes, mounts and network: it is invisible from outside, reaches nothing outside, and ends
# with the command. Needs Debian 12 and root.
set -euo pipefail

TOOLS=$(realpath "$1")
shift
HERE=$(dirname "$(realpath "$0")")

missing=()
for tool in containerd runc iptables conntrack openssl; do command -v "$tool" >/dev/null || missing+=("$tool"); done
command -v ip >/dev/null || missing+=(iproute2)
[ -x /usr/lib/cni/bridge ] || missing+=(containernetworking-plugins)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq && apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi

STATE=$(mktemp -d)
CGROUP=owsc-cluster-$$
NODE=

# Version 1 of control groups has a tree for each resource, version 2 one for all.
UNIFIED=/sys/fs/cgroup/cgroup.controllers
trees() { if [ -e $UNIFIED ]; then echo /sys/fs/cgroup; else find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d; fi; }

make_groups() {
    local tree controller
    for tree in $(trees); do mkdir "$tree/$CGROUP"; done
    [ -e $UNIFIED ] || return 0
    for controller in $(cat $UNIFIED); do echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control || true; done
}

clean() {
    local tree
    # This ends the node's first process, and with it all others.
    kill -KILL "$NODE" 2>/dev/null && wait "$NODE" || true
    for tree in $(trees); do
        # Killed processes hold their groups for a moment.
        for _ in 1 2 3 4 5; do
            [ -d "$tree/$CGROUP" ] || break
            find "$tree/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.5
        done
    done
    rm -rf "$STATE"
}
trap clean EXIT

make_groups
# Waited for, so that a signal to this script ends the node as well.
unshare --mount --net --uts --ipc --pid --fork --kill-child --mount-proc \
    "$HERE/node.sh" "$TOOLS" "$STATE" "$CGROUP" "$@" <&0 &
NODE=$!
wait $NODE
