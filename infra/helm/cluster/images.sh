#!/usr/bin/env bash
# Writes the node's images as archives: images.sh FOLDER IMAGE-OF-THE-SERVER. Redis's image, and the one that holds a
# pod's namespaces, are made here from Debian's packages.
set -euo pipefail

FOLDER=$1
SERVER=$2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$FOLDER"

command -v catatonit >/dev/null || apt-get install -qq -y --no-install-recommends catatonit >/dev/null

# archive FILE IMAGE NAME: a buildah image, under the name that pods use.
archive() {
    rm -f "$FOLDER/$1.tar"
    buildah push --quiet "$2" "docker-archive:$FOLDER/$1.tar:$3"
}

# make_image NAME [BUILDAH-CONFIG-OPTION...]: an image that contains only the folder of that name.
make_image() {
    local name=$1 container
    shift
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$WORK/$name" / >/dev/null
    buildah config "$@" "$container"
    buildah commit --quiet --rm "$container" "localhost/owsc-base/$name" >/dev/null
}

pause() {
    mkdir "$WORK/pause"
    cp "$(command -v catatonit)" "$WORK/pause/"
    make_image pause --entrypoint '["/catatonit", "-P"]'
    archive pause localhost/owsc-base/pause localhost/pause:latest
}

redis() {
    mkdir "$WORK/redis"
    # The program, its C libraries, and no shell.
    { command -v redis-server; ldd "$(command -v redis-server)" | grep -o '/[^ ]*'; } |
        xargs cp --parents --dereference --target-directory "$WORK/redis"
    make_image redis --env PATH=/usr/bin
    archive redis localhost/owsc-base/redis docker.io/library/redis:7-alpine
}

pause
redis
archive server "$SERVER" "$SERVER"
