#!/bin/sh
# package-lifecycle PACKAGE: installs it, has its service watch DPDK programs, purges it. systemd is process 1.
# Leaves what the service said beside the job.
set -u
package=$1
job=/mnt/job

# The service's lines, as it wrote them.
lines() {
    journalctl --no-pager -o cat -u kniwatch
}

fail() {
    echo "package: $*" >&2
    journalctl --no-pager >$job/journal 2>&1
    exit 1
}

# await WHAT COMMAND...: tries COMMAND until it succeeds.
await() {
    what=$1
    shift
    for _ in $(seq 600); do
        ! "$@" || return 0
        sleep 0.1
    done
    fail "waited in vain for $what"
}

says() {
    lines | grep -q "$1"
}

# What has the package's name, but for what the guest brings with it.
traces() {
    find / \( -path /mnt -o -path /proc -o -path /sys -o -path /usr/share/kniwatch-guest \) -prune \
        -o -name '*kniwatch*' -print | sort
}

# The guest's own kniwatch is not the package's.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
! command -v kniwatch || fail "kniwatch is there already"
before=$(traces)

# Debian's small images leave out manual pages and documentation, and so does this root.
dpkg --path-include='/usr/share/man/*' --path-include='/usr/share/doc/*' -i "$package" || fail "not installed"
for file in $(dpkg -L kniwatch) /usr/bin/kniwatch /usr/lib/systemd/system/kniwatch.service \
    /usr/share/man/man1/kniwatch.1.gz /usr/share/man/man1/kniwatch-check.1.gz \
    /usr/share/bash-completion/completions/kniwatch /usr/share/zsh/vendor-completions/_kniwatch \
    /usr/share/fish/vendor_completions.d/kniwatch.fish /usr/share/doc/kniwatch/copyright; do
    [ -d "$file" ] || [ -s "$file" ] || fail "$file is not there, or empty"
done
! dpkg --verify kniwatch | grep . || fail "dpkg finds other files than it has installed"
zcat /usr/share/man/man1/kniwatch.1.gz | grep -q '^\.TH kniwatch' || fail "the manual page is none"
bash -c '. /usr/share/bash-completion/completions/kniwatch && complete -p kniwatch' >/dev/null ||
    fail "bash does not take the completions"
kniwatch --version || fail "it doesn't start"

modprobe rte_kni || fail "can't load rte_kni"
[ "$(systemctl is-enabled kniwatch)" = disabled ] || fail "the service is enabled"
systemctl start kniwatch || fail "the service doesn't start"
await "the service's readiness" says '"type":"start"'

pid=$(systemctl show --value --property=MainPID kniwatch)
await "giving up privileges" grep -q '^CapPrm:.000000c400280004$' "/proc/$pid/status"
for status in /proc/"$pid"/task/*/status; do
    grep -q '^NoNewPrivs:.1$' "$status" || fail "no NO_NEW_PRIVS in $status"
    # CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_SYSLOG, CAP_PERFMON, CAP_BPF.
    [ "$(grep -c '^Cap\(Prm\|Eff\|Bnd\):.000000c400280004$' "$status")" = 3 ] ||
        fail "other capabilities: $(grep ^Cap "$status")"
    ! grep -q '^Uid:.0' "$status" || fail "it runs as root"
done

# One attempt stops in the network core. One succeeds, in another network namespace, of a program that lies where the
# service can look only through the program's own root.
/mnt/bin/kni-create lo
await "the verdict of lo" says '"comm":"kni-create".*"cause":"net.name-exists"'
cp /mnt/bin/kni-app-static /tmp/kni-app
unshare --net /tmp/kni-app none vEth7 || fail "kni-app got no vEth7"
await "the verdict of vEth7" says '"comm":"kni-app".*"outcome":"created".*"library":{"object":"/proc/[0-9]*/root/tmp/kni-app"'

systemctl stop kniwatch || fail "the service doesn't stop"
lines >$job/lines
[ "$(systemctl show --value --property=Result kniwatch)" = success ] || fail "the service failed"
grep '"type":"summary"' $job/lines | grep -q '"complete":true' || fail "what it saw is not complete"

systemctl --quiet enable --now kniwatch || fail "the service can't be enabled"
dpkg --purge kniwatch || fail "not purged"
! systemctl --quiet is-active kniwatch || fail "the service runs on"
! systemctl cat kniwatch >/dev/null 2>&1 || fail "systemd still knows the service"
! dpkg -s kniwatch >/dev/null 2>&1 || fail "dpkg still knows it"
after=$(traces)
[ "$before" = "$after" ] || fail "left behind: $after"
