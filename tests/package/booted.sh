# tests/package/booted.sh: the last part of tests/package/run: the package under a real systemd.
# shellcheck shell=bash

# A container of the clean Debian with loopback alone; `machine` is the process that holds it.
boot() {
    umount "$root/proc"
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 unshare --mount --propagation private \
        systemd-nspawn --quiet --directory "$root" --boot --private-network --register=no \
        --keep-unit --console=pipe --machine=gridd-package >"$work/boot.log" 2>&1 </dev/null &
    machine=$!
    disown $machine
    wait_for 60 is_booted
}
in_machine() {
    timeout 180 nsenter --target "$(pgrep -P "$machine")" --mount --pid --net --uts --ipc --root \
        /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}
is_booted() { [[ $(in_machine systemctl is-system-running) =~ ^(running|degraded)$ ]]; }

service() { in_machine systemctl show --value --property "$1" gridd; }
is_active() { [[ $(service ActiveState) == active ]]; }
journal() { in_machine journalctl --unit gridd --no-pager --output cat --lines 200; }
# Reads to the end: the journal's end by SIGPIPE would count as a failure.
logged() { journal | grep -- "$1"; }

installs_and_starts() {
    in_machine dpkg -i "/var/tmp/$(basename "$old")" && is_active &&
        in_machine systemctl is-enabled gridd
}
says_how_it_is() { [[ $(service StatusText) == serving* ]]; }
root_administers() { in_machine gridctl status && in_machine gridctl health; }
as_sensor() {
    local at=/var/lib/gridd/sensor
    in_machine gridctl --cert $at/sensor.crt --key $at/sensor.key --ca $at/ca.crt "$@"
}
makes_an_item() {
    in_machine gridctl enrol sensor --out /var/lib/gridd/sensor &&
        echo '{"severity": 3}' | as_sensor publish incidents --create --id kept
}
item_is_there() {
    as_sensor subscribe incidents --since 2026-01-01T00:00:00Z --count 1 | grep "id='kept'"
}
set_level() { sed -i "s/^level = .*/level = \"$1\"/" "$root/etc/gridd/gridd.toml"; }
reloads() {
    set_level debug
    in_machine systemctl reload gridd && wait_for 20 logged "what=reloaded.*by=SIGHUP"
}
refuses_a_mistake() {
    local before
    before=$(service MainPID)
    set_level loud
    ! in_machine systemctl reload gridd && is_active && [[ $(service MainPID) == "$before" ]] &&
        logged "gridd.toml:[0-9]*:[0-9]*: "
}
is_another() { is_active && [[ $(service MainPID) != "$1" ]]; }
comes_back() { # comes_back SIGNAL
    local before
    before=$(service MainPID)
    in_machine bash -c "kill -$1 $before" && wait_for 60 is_another "$before"
}
# With a watchdog that does not take half a minute.
comes_back_from_a_halt() {
    mkdir -p "$root/etc/systemd/system/gridd.service.d"
    printf '%s\n' '[Service]' 'WatchdogSec=5' 'TimeoutAbortSec=2' \
        >"$root/etc/systemd/system/gridd.service.d/watchdog.conf"
    in_machine systemctl daemon-reload && in_machine systemctl restart gridd &&
        comes_back STOP && logged "Failed with result 'watchdog'"
}
upgrades_in_place() {
    local before
    before=$(service MainPID)
    in_machine dpkg --force-confold -i "/var/tmp/$(basename "$new")" && is_another "$before"
}
stops_in_order() {
    in_machine systemctl stop gridd && [[ $(service Result) == success ]] && logged "what=stopped"
}
starts_again() { in_machine systemctl start gridd && is_active; }
is_purged() {
    in_machine dpkg -P gridd && [[ $(service ActiveState) == inactive ]] &&
        [[ ! -e $root/var/lib/gridd ]]
}
powers_off() {
    kill -TERM "$machine"
    wait_for 60 is_gone
    machine=''
}
is_gone() { ! kill -0 "$machine"; }

# In place of the stand-in.
installs_systemd() {
    rm -r "$root/usr/bin/systemctl" "$root/run/systemd"
    apt install --no-install-recommends -y systemd systemd-sysv dbus
}

if command -v systemd-nspawn >/dev/null; then
    cp "$old" "$new" "$root/var/tmp/"
    check "systemd comes into the clean Debian" installs_systemd
    check "it boots in a container" boot
    check "$older installs, and its service runs and is enabled" installs_and_starts
    check "systemd is told how it is" says_how_it_is
    check "gridctl administers it without a word about where it is" root_administers
    check "a client publishes an item" makes_an_item
    check "killed, it comes back" comes_back KILL
    check "$version upgrades it, and it runs anew" upgrades_in_place
    check "the item is there" item_is_there
    check "systemctl reload takes a change" reloads
    check "systemctl reload refuses a mistake, and the service goes on" refuses_a_mistake
    set_level info
    check "standing still, it comes back" comes_back_from_a_halt
    check "it stops in order" stops_in_order
    check "it starts again" starts_again
    check "purge ends it and takes the data" is_purged
    check "the container ends" powers_off
else
    say "no systemd-nspawn here: conf/install-deps --package brings it"
fi
