#!/bin/sh
# testpmd-session HOW: Debian's testpmd with one KNI interface, kni0, which stays until it is killed
# (HOW: stay), quits when it has started (quit), or quits when kni0's index is in a file (note-ifindex FILE).
# KNI_PLUGINS=DIR/ names the directory of KNI's libraries; without it the linker finds them.
# The libraries' version: 21 of DPDK 20.11, 23 of 22.11.
abi=$(echo /usr/lib/*/librte_kni.so.??)
abi=${abi##*.}

session() {
    case $1 in
    stay) exec sleep infinity ;;
    note-ifindex)
        for _ in $(seq 600); do
            [ ! -e /sys/class/net/kni0/ifindex ] || break
            sleep 0.1
        done
        cat /sys/class/net/kni0/ifindex >"$2"
        ;;
    esac
    # testpmd reads its first command when all its ports are started.
    echo quit
}
session "$@" | dpdk-testpmd --lcores 0@0,1@0 -n 1 --in-memory --no-pci \
    -d "${KNI_PLUGINS-}librte_kni.so.$abi" -d "${KNI_PLUGINS-}librte_net_kni.so.$abi" --vdev=net_kni0 -- -i --total-num-mbufs=2048
