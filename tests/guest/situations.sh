# What the guest is like in scenarios that need it otherwise: NAME_made makes it so, NAME_undone makes it as it was.
# To be sourced. What is in $by runs kniwatch where that is not root.
by=

tracing=/sys/kernel/tracing
kprobes=/sys/kernel/debug/kprobes/enabled

addresses_hidden_made() { sysctl -q kernel.kptr_restrict=2; }
addresses_hidden_undone() { sysctl -q kernel.kptr_restrict=0; }

perf_forbidden_made() { perf_before=$(cat /proc/sys/kernel/perf_event_paranoid) && sysctl -q kernel.perf_event_paranoid=3; }
perf_forbidden_undone() { sysctl -q "kernel.perf_event_paranoid=$perf_before"; }

# debugfs has a way to it too.
tracefs_absent_made() { umount $tracing && umount -R /sys/kernel/debug; }
tracefs_absent_undone() { mount -t tracefs tracefs $tracing && mount -t debugfs debugfs /sys/kernel/debug; }

kprobes_off_made() { echo 0 >$kprobes; }
kprobes_off_undone() { echo 1 >$kprobes; }

# The names of the module's functions can only be had from the kernel.
file_hidden_made() { mount --bind /dev/null "/lib/modules/$(uname -r)/modules.dep"; }
file_hidden_undone() { umount "/lib/modules/$(uname -r)/modules.dep"; }

log_hidden_made() { mv /dev/kmsg /dev/kmsg.hidden; }
log_hidden_undone() { mv /dev/kmsg.hidden /dev/kmsg; }

# By number: setpriv of util-linux 2.36 (Debian 11) does not know their names.
bpf=+cap_39
perfmon=+cap_38

# as CAPABILITIES [BYTES]: kniwatch is run by a user who has these alone, and may lock so much memory.
as() {
    # Before Linux 5.11 eBPF maps count as locked memory.
    by="prlimit --memlock=${2-unlimited} setpriv --reuid=4711 --regid=4711 --clear-groups --inh-caps=-all,$1 --ambient-caps=-all,$1 --"
    perf_before=$(cat /proc/sys/kernel/perf_event_paranoid)
    sysctl -q kernel.dmesg_restrict=1 kernel.kptr_restrict=1 kernel.perf_event_paranoid=2
}
nobody_special() {
    by=
    sysctl -q kernel.dmesg_restrict=0 kernel.kptr_restrict=0 "kernel.perf_event_paranoid=$perf_before"
}

# All that kniwatch asks for, in a group that may read tracefs.
capable_made() { as "$bpf,$perfmon,+syslog,+sys_ptrace" && mount -o remount,mode=750,gid=4711 $tracing; }
capable_undone() { mount -o remount,mode=700,gid=0 $tracing && nobody_special; }

# The same, with tracefs as it is mounted: for root alone.
capable_without_tracefs_made() { as "$bpf,$perfmon,+syslog,+sys_ptrace"; }
capable_without_tracefs_undone() { nobody_special; }

# What it can't do without, and leave to read all that root can.
least_capable_made() { as "$bpf,$perfmon,+dac_read_search"; }
least_capable_undone() { nobody_special; }

# At Debian's own level, which wants more.
capable_forbidden_made() { as "$bpf,$perfmon,+syslog,+sys_ptrace" && sysctl -q kernel.perf_event_paranoid=3; }
capable_forbidden_undone() { nobody_special; }

memory_limited_made() { as "$bpf,$perfmon" 65536; }
memory_limited_undone() { nobody_special; }

incapable_made() { as +syslog; }
incapable_undone() { nobody_special; }

# For a program that switches them off.
kprobes_on_after_made() { :; }
kprobes_on_after_undone() { echo 1 >$kprobes; }
