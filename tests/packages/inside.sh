#!/bin/bash
# Runs as a unit inside the clean Debian that scripts/test-packages boots: the life of the
# three packages from the installation to the purge. The first thing that is not as it should
# be ends it with 1. Figures are printed, not judged.
set -eEuo pipefail
export DEBIAN_FRONTEND=noninteractive
trap 'echo "FAILED in line $LINENO: $BASH_COMMAND"; journalctl --no-pager -n 60 -u robot-agent -u ground-station -u display-agent' ERR

# An emulated processor takes its time.
patience=1
[ "$(uname -m)" = x86_64 ] || patience=8

packages=/packages
config=/etc/robot-agent/config.json

say() { printf '\n== %s\n' "$*"; }
# eventually SECONDS COMMAND...: until it succeeds, or the time is over.
eventually() {
    local end=$((SECONDS + $1 * patience))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "not in time: $*"; return 1; }
        sleep 0.1
    done
}
# none COMMAND...: it finds nothing. (`!` would not end the script.)
none() { if "$@"; then return 1; fi; }
# milliseconds: the clock's, without starting a process.
milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }
is() { [ "$(systemctl show --value --property "$2" "$1")" = "$3" ]; }
ca=/var/lib/ground-station/ca.pem
station() { runuser -u ground-station -- ground-station --state /var/lib/ground-station "$@"; }
publish() { curl -fsS --cacert $ca -H "x-api-key: $key" -d "$1" https://localhost:8443/publish; }
online() { curl -fsS --cacert $ca -H "x-api-key: $key" https://localhost:8443/robots | grep -q '"online":true'; }
missing_libraries() { ldd /usr/bin/$1 | grep 'not found'; }
robot() { runuser -u robot-agent -- robot-agent --config $config "$@"; }
wheels=/var/lib/robot-agent/wheels.jsonl
moving() { tail -n 1 $wheels | grep -qv '"left":0.0,"right":0.0'; }
at_rest() { tail -n 1 $wheels | grep -q '"stop":true'; }

say "three packages, on what they depend on and no more"
dpkg -i $packages/*-1_*.deb
none eval 'dpkg --audit | grep .'

say "after the installation the station runs, and the agents wait for their configuration"
eventually 60 is ground-station ActiveState active
for agent in robot-agent display-agent; do
    is $agent ActiveState inactive
    is $agent UnitFileState enabled
    test -s /usr/share/bash-completion/completions/$agent
    zcat /usr/share/man/man1/$agent.1.gz | grep -q 'SH OPTIONS'
    none missing_libraries $agent
done
id robot-agent | grep i2c | grep gpio | grep video
id display-agent | grep spi | grep gpio | grep video
test "$(stat -c '%U %G %a' /etc/robot-agent/certs)" = "robot-agent robot-agent 750"
test "$(stat -c '%U %G %a' /etc/display-agent/config.json)" = "root display-agent 640"
test "$(stat -c '%U %a' /var/lib/ground-station)" = "ground-station 700"
curl -fsS http://localhost:8080/ | grep -qi '<!doctype html>'

say "the robot enrols, checks and drives as its own user"
sed -i 's/station\.local/localhost/; s/"explorer-hat"/"simulated", "transcript": "\/var\/lib\/robot-agent\/wheels.jsonl"/; s/"auto"/"test"/' $config
cp -p $config /root/config.json
sign=$(station new-key --robot rover --may sign 2>/dev/null)
key=$(station new-key --robot rover 2>/dev/null)
robot-agent --config $config enroll --url https://localhost:8443 --ca $ca --key "$sign"
test "$(stat -c '%U %a' /etc/robot-agent/certs/private.pem.key)" = "robot-agent 600"
robot check
systemctl start robot-agent
is robot-agent ActiveState active
eventually 30 online
publish '{"action":"forward"}'
eventually 10 grep -q '"left":0.5' $wheels
eventually 10 at_rest

# dies SIGNAL: how long the wheels turned after the signal.
dies() {
    publish '{"action":"forward","duration_ms":10000}' >/dev/null
    eventually 10 moving
    local from to pid restarts
    pid=$(systemctl show --value --property MainPID robot-agent)
    restarts=$(systemctl show --value --property NRestarts robot-agent)
    from=$(milliseconds)
    kill -s "$1" "$pid"
    eventually 20 at_rest
    # The first stop after the last line that is none.
    to=$(tac $wheels | sed '/"stop":true/!q' | tail -n 2 | sed 's/.*"t_ns":\([0-9]*\)[0-9]\{6\},.*/\1/; q')
    echo "SIG$1 in mid-drive: the wheels turned on for $((to - from)) ms"
    eventually 30 eval '[ "$(systemctl show --value --property NRestarts robot-agent)" -gt '"$restarts"' ]'
    eventually 30 is robot-agent ActiveState active
    eventually 30 online
}
say "a robot that is killed or hangs in mid-drive is stopped from outside and comes back"
# Longer than any pulse by itself, so that only systemd can be what stopped it.
sed -i 's/"motors"/"drive": { "pulse_ms_max": 10000 },\n    "motors"/' $config
systemctl restart robot-agent
eventually 30 online
for signal in KILL STOP ABRT KILL STOP; do dies $signal; done

say "a configuration that is broken in mid-drive keeps it neither from stopping nor in a loop"
publish '{"action":"forward","duration_ms":10000}' >/dev/null
eventually 10 moving
echo '{' >$config
systemctl kill --signal KILL --kill-whom main robot-agent
eventually 20 at_rest
eventually 30 is robot-agent ActiveState failed
is robot-agent ExecMainStatus 78
cp -p /root/config.json $config
systemctl start robot-agent
eventually 30 online

say "the display draws"
sed -i 's/"driver": "panel"/"driver": "png", "path": "\/var\/lib\/display-agent\/page.png"/; s/station\.local/localhost/' /etc/display-agent/config.json
cp $ca /etc/display-agent/
chmod 644 /etc/display-agent/ca.pem
systemctl start display-agent
is display-agent ActiveState active
eventually 20 test -s /var/lib/display-agent/page.png

say "exposure, as systemd sees the running units"
systemd-analyze security --no-pager robot-agent display-agent ground-station 2>/dev/null | grep -i overall ||
    for unit in robot-agent display-agent ground-station; do systemd-analyze security --no-pager $unit | tail -n 1; done

say "an upgrade keeps configuration and certificates, and restarts what ran"
before=$(systemctl show --value --property MainPID robot-agent)
sums=$(sha256sum $config /etc/robot-agent/certs/* /etc/display-agent/config.json /var/lib/ground-station/ca.key)
dpkg -i --force-confdef --force-confold $packages/*-2_*.deb
test "$sums" = "$(sha256sum $config /etc/robot-agent/certs/* /etc/display-agent/config.json /var/lib/ground-station/ca.key)"
test "$(stat -c '%U %G %a' /etc/display-agent/config.json)" = "root display-agent 640"
eventually 30 is robot-agent ActiveState active
test "$before" != "$(systemctl show --value --property MainPID robot-agent)"
eventually 30 online

say "a removal stops it, and keeps configuration and certificates"
dpkg --remove robot-agent display-agent ground-station
none pgrep -x robot-agent
none pgrep -f /var/lib/ground-station
test ! -e /usr/bin/robot-agent
test "$sums" = "$(sha256sum $config /etc/robot-agent/certs/* /etc/display-agent/config.json /var/lib/ground-station/ca.key)"

say "a purge removes everything"
dpkg --purge robot-agent display-agent ground-station
for gone in /etc/robot-agent /etc/display-agent /var/lib/robot-agent /var/lib/display-agent /var/lib/ground-station /var/cache/robot-agent; do
    test ! -e $gone
done
left_behind() {
    find /etc /usr /var/lib /var/cache /run /opt -xdev -path /var/lib/dpkg -prune -o \
        -regex '.*/\(60-\)?\(robot-agent\|display-agent\|ground-station\)[^/]*' -print | grep .
}
none left_behind

say "all of it works"
