#!/bin/sh
# testpmd-session [IFINDEX-FILE]: Debian's testpmd with one KNI interface, kni0. With a file, leaves
# as soon as kni0 is there, its ifindex written to the file; without, stays until it is killed.
session() {
    if [ -z "${1-}" ]; then
        exec sleep infinity
    fi
    until [ -e /sys/class/net/kni0/ifindex ]; do
        sleep 0.1
    done
    cat /sys/class/net/kni0/ifindex >"$1"
    echo quit
}
session "$@" | dpdk-testpmd -l 0-1 -n 1 --in-memory --no-pci \
    -d librte_kni.so.23 -d librte_net_kni.so.23 --vdev=net_kni0 -- -i --total-num-mbufs=2048
