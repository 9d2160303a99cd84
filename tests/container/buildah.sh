# tests/container/buildah.sh: the commands of tests/container/run, without a container engine.
# shellcheck shell=bash

export BUILDAH_ISOLATION=chroot
# The mirror that this machine's apt uses.
mirror=${GRIDD_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' \
    'Created-By: Packages' | head -n 1)}

make_base() {
    buildah inspect --type image $base >/dev/null 2>&1 && return
    local root=$work/root empty
    debootstrap --variant=minbase bookworm "$root" "$mirror"
    {
        echo "deb $mirror bookworm main"
        echo "deb $mirror bookworm-updates main"
        echo "deb ${mirror}-security bookworm-security main"
    } >"$root/etc/apt/sources.list"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    empty=$(buildah from scratch)
    tar -C "$root" -cf "$work/root.tar" .
    buildah add -q "$empty" "$work/root.tar" /
    local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    buildah config --cmd bash --env PATH=$path \
        "$empty"
    buildah commit -q --rm "$empty" $base
    rm -rf "$root" "$work/root.tar"
}

# --format docker: the OCI format has no HEALTHCHECK.
build_image() {
    local stage=()
    make_base
    if [[ -n ${GRIDD_CONTAINER_PROGRAMS:-} ]]; then
        make_stage "$GRIDD_CONTAINER_PROGRAMS"
        stage=(--build-context "build=container-image://$programs")
    fi
    buildah bud --format docker --network host --build-arg BASE=$base --layers "${stage[@]}" \
        -t $image .
}
# The same as the first stage of the Dockerfile leaves, of programs that are there already.
programs=localhost/gridd-programs:test
make_stage() {
    local empty
    empty=$(buildah from scratch)
    install -s -D -t "$work/stage" "$1/gridd" "$1/gridctl"
    buildah add -q "$empty" "$work/stage" /stage
    buildah commit -q --rm "$empty" $programs
    rm -rf "$work/stage"
}
image_bytes() {
    local made
    made=$(buildah from --pull-never $image)
    du -sb "$(buildah mount "$made")" | cut -f 1
    buildah rm "$made" >/dev/null
}
copy_from_image() {
    local made status=0
    made=$(buildah from --pull-never $image)
    cp -r "$(buildah mount "$made")$1" "$2" || status=$?
    buildah rm "$made" >/dev/null
    return $status
}
inspect() { buildah inspect --type image --format "$1" $image; }
inspect_user() { inspect '{{.Docker.Config.User}}'; }
inspect_volumes() { inspect '{{.Docker.Config.Volumes}}'; }
inspect_health() { inspect '{{.Docker.Config.Healthcheck}}'; }

# buildah runs neither ENTRYPOINT nor VOLUME by itself: both are taken from the image here.
start_container() {
    local entry
    mkdir -p "$data"
    chown 10001 "$data" && chmod 700 "$data" && chmod 755 "$work"
    container=$(buildah from --pull-never $image)
    mapfile -t entry < <(
        inspect '{{range .Docker.Config.Entrypoint}}{{println .}}{{end}}' | sed '/^$/d'
    )
    buildah run --network host -v "$data:/var/lib/gridd" "$container" -- "${entry[@]}" \
        --set "listen.c2s=127.0.0.1:$port" --set listen.c2s_tls= --set listen.socks5= \
        --set "listen.http=127.0.0.1:$http_port" >"$work/server.log" 2>&1 </dev/null &
    server=$!
}
in_container() {
    buildah run --network host -v "$data:/var/lib/gridd" "$container" -- "$@"
}
run_health_check() {
    local command
    mapfile -t command < <(
        inspect '{{range .Docker.Config.Healthcheck.Test}}{{println .}}{{end}}' | sed '/^$/d'
    )
    in_container "${command[@]:1}"
}
copy_out() { cp -r "$data${1#/var/lib/gridd}" "$2"; }
container_log() { cat "$work/server.log"; }

# The server is the one process that runs as the image's user on this data directory.
server_pid() {
    local pid
    for pid in $(pgrep -u "10001,${locked_uid:-10001}" -x gridd); do
        [[ $(readlink "/proc/$pid/exe" 2>/dev/null) == */usr/local/bin/gridd ]] && echo "$pid"
    done
}

# buildah has no read-only root: its mounts are made here, as an engine makes them.
start_locked() {
    local root entry
    data=$work/locked
    mkdir -p "$data"
    chown 10001:0 "$data" && chmod 770 "$data"
    container=$(buildah from --pull-never $image)
    root=$(buildah mount "$container")
    mapfile -t entry < <(
        inspect '{{range .Docker.Config.Entrypoint}}{{println .}}{{end}}' | sed '/^$/d'
    )
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -c '
        set -e
        root=$1 data=$2 etc=$3 uid=$4
        shift 4
        mkdir -p "$root/proc"
        mount --bind "$root" "$root"
        mount -o remount,ro,bind "$root"
        mount -t proc proc "$root/proc"
        mount --bind "$data" "$root/var/lib/gridd"
        mount --bind "$etc" "$root/etc/gridd"
        mount -o remount,ro,bind "$root/etc/gridd"
        # Root without rights but these two, which end with the change of the user.
        exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \
            chroot --userspec="$uid:0" --groups= "$root" "/usr/local/bin/$1" "${@:2}"' \
        - "$root" "$data" "$work/etc" "$locked_uid" "${entry[@]}" \
        --set "listen.c2s=127.0.0.1:$port" --set listen.c2s_tls= --set listen.socks5= \
        --set "listen.http=127.0.0.1:$http_port" >"$work/locked.log" 2>&1 </dev/null &
    server=$!
}
locked_ctl() {
    local pid
    pid=$(server_pid)
    [[ $pid =~ ^[0-9]+$ ]] || return 1
    nsenter --target "$pid" --mount --root --setuid "$locked_uid" --setgid 0 \
        /usr/local/bin/gridctl --data /var/lib/gridd "$@"
}
locked_ready() { cat "$data/run/ready.json"; }
stop_container() {
    local pid
    pid=$(server_pid)
    [[ $pid =~ ^[0-9]+$ ]] || { echo "not one server but: $pid"; return 1; }
    kill -TERM "$pid"
    wait "$server"
    server=''
}
end_container() {
    local pid
    if [[ -n $server ]]; then
        pid=$(server_pid)
        [[ $pid =~ ^[0-9]+$ ]] && kill -KILL "$pid"
        wait "$server"
    fi
    [[ -z $container ]] || buildah rm "$container"
}
