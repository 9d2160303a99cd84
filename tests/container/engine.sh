# tests/container/engine.sh: the commands of tests/container/run, with docker or podman. shellcheck
# shell=bash

build_image() { $engine build -t $image .; }
inspect() { $engine image inspect --format "$1" $image; }
inspect_user() { inspect '{{.Config.User}}'; }
inspect_volumes() { inspect '{{json .Config.Volumes}}'; }
inspect_health() { inspect '{{json .Config.Healthcheck}}' || inspect '{{json .HealthCheck}}'; }

start_container() {
    container=$($engine run -d -p 127.0.0.1:$port:5222 -p 127.0.0.1:$http_port:8443 $image)
}
in_container() { $engine exec "$container" "$@"; }
run_health_check() { in_container gridctl --data /var/lib/gridd health; }
copy_out() { $engine cp "$container:$1" "$2"; }
server_pid() { $engine inspect --format '{{.State.Pid}}' "$container"; }
image_bytes() { inspect '{{.Size}}'; }
copy_from_image() {
    local made status=0
    made=$($engine create $image)
    $engine cp "$made:$1" "$2" || status=$?
    $engine rm "$made" >/dev/null
    return $status
}
container_log() { $engine logs "$container"; }
stop_container() {
    $engine stop -t 20 "$container" >/dev/null
    [[ $($engine inspect --format '{{.State.ExitCode}}' "$container") == 0 ]]
}
end_container() { [[ -z $container ]] || $engine rm -f "$container"; }
start_locked() {
    container=$($engine run -d --read-only --cap-drop ALL --security-opt no-new-privileges \
        --user "$locked_uid:0" -v "$work/etc:/etc/gridd:ro" -v /var/lib/gridd $image)
}
locked_ctl() { $engine exec "$container" gridctl --data /var/lib/gridd "$@"; }
locked_ready() {
    $engine cp "$container:/var/lib/gridd/run/ready.json" "$work/ready.json"
    cat "$work/ready.json"
}
