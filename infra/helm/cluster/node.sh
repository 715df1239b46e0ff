#!/usr/bin/env bash
# The node, inside its own namespaces: starts Kubernetes part by part, and runs a command: node.sh TOOLS STATE CGROUP
# COMMAND...
set -euo pipefail

TOOLS=$1 STATE=$2 CGROUP=$3
shift 3

NODE=10.0.0.1
PODS=10.244.0.0/16
SERVICES=10.96.0.0/16
export PATH="$TOOLS/bin:$PATH"
export KUBECONFIG=$STATE/kubeconfig

# start NAME COMMAND...: in the background, with a log of its own.
start() {
    local name=$1
    shift
    "$@" >"$STATE/$name.log" 2>&1 &
}

# await WHAT COMMAND...: retries until it succeeds, for a minute at most.
await() {
    local what=$1
    shift
    for _ in $(seq 240); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.25
    done
    echo "$what did not come up; the ends of the logs:" >&2
    tail -n 15 "$STATE"/*.log >&2
    exit 1
}

# The parts' data go to the state folder, whatever paths they use.
own_folders() {
    mkdir -p "$STATE"/{lib,log,cni}
    mount -t tmpfs tmpfs /run
    mount --bind "$STATE/lib" /var/lib
    mount --bind "$STATE/log" /var/log
}

own_network() {
    hostname node
    ip link set lo up
    ip link add node type veth peer name nobody
    ip link set nobody up
    ip link set node up
    ip addr add $NODE/24 dev node
    # Service addresses exist nowhere; packets to them need a route before they are rewritten.
    ip route add default dev node
    sysctl -q net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
    cat >"$STATE/cni/pods.conflist" <<-EOF
	{"cniVersion": "0.4.0", "name": "pods", "plugins": [
	  {"type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": true, "hairpinMode": true,
	   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$PODS"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
	  {"type": "portmap", "capabilities": {"portMappings": true}}]}
	EOF
}

start_containerd() {
    cat >"$STATE/containerd.toml" <<-EOF
	version = 2
	[plugins."io.containerd.grpc.v1.cri"]
	  sandbox_image = "localhost/pause"
	  # Root of a container may not protect processes from the kernel's OOM killer.
	  restrict_oom_score_adj = true
	  [plugins."io.containerd.grpc.v1.cri".cni]
	    bin_dir = "/usr/lib/cni"
	    conf_dir = "$STATE/cni"
	EOF
    start containerd containerd --config "$STATE/containerd.toml"
    await containerd ctr version
    for image in "$TOOLS"/images/*.tar; do ctr --namespace k8s.io images import --no-unpack "$image" >/dev/null; done
}

start_control_plane() {
    local token
    token=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
    echo "$token,admin,admin,system:masters" >"$STATE/tokens"
    openssl genrsa -out "$STATE/accounts.key" 2048 2>/dev/null
    cat >"$KUBECONFIG" <<-EOF
	apiVersion: v1
	kind: Config
	current-context: node
	contexts: [{name: node, context: {cluster: node, user: admin}}]
	clusters: [{name: node, cluster: {server: "https://$NODE:6443", certificate-authority: $STATE/pki/apiserver.crt}}]
	users: [{name: admin, user: {token: $token}}]
	EOF
    start etcd cluster etcd --data-dir "$STATE/etcd" --unsafe-no-fsync
    start apiserver cluster kube-apiserver --etcd-servers http://127.0.0.1:2379 --cert-dir "$STATE/pki" \
        --advertise-address $NODE --service-cluster-ip-range $SERVICES --token-auth-file "$STATE/tokens" \
        --kubelet-preferred-address-types InternalIP --authorization-mode Node,RBAC \
        --service-account-issuer https://kubernetes.default.svc \
        --service-account-key-file "$STATE/accounts.key" --service-account-signing-key-file "$STATE/accounts.key"
    await "the API server" cluster kubectl get --raw /readyz
    start controllers cluster kube-controller-manager --kubeconfig "$KUBECONFIG" --leader-elect=false \
        --service-account-private-key-file "$STATE/accounts.key" --root-ca-file "$STATE/pki/apiserver.crt"
    start scheduler cluster kube-scheduler --kubeconfig "$KUBECONFIG" --leader-elect=false
}

start_node() {
    cat >"$STATE/kubelet.yaml" <<-EOF
	apiVersion: kubelet.config.k8s.io/v1beta1
	kind: KubeletConfiguration
	authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
	authorization: {mode: AlwaysAllow}
	cgroupDriver: cgroupfs
	cgroupRoot: /$CGROUP
	clusterDNS: [$NODE]
	clusterDomain: cluster.local
	containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
	# The disk is the whole machine's, and fuller than a node's may be.
	evictionHard: {}
	imageGCHighThresholdPercent: 100
	failSwapOn: false
	resolvConf: ""
	EOF
    start kubelet cluster kubelet --kubeconfig "$KUBECONFIG" --config "$STATE/kubelet.yaml" --node-ip $NODE
    start proxy cluster kube-proxy --kubeconfig "$KUBECONFIG" --cluster-cidr $PODS --hostname-override node \
        --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0s --conntrack-tcp-timeout-close-wait 0s
    printf '.:53 {\n errors\n kubernetes cluster.local {\n  kubeconfig %s\n }\n}\n' "$KUBECONFIG" >"$STATE/Corefile"
    start dns cluster coredns -conf "$STATE/Corefile"
    await "the node" cluster kubectl wait --for=condition=Ready node/node --timeout=1s
}

own_folders
own_network
start_containerd
start_control_plane
start_node
"$@"
