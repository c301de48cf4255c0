#!/bin/sh
# reload TIMES: rte_kni.ko is loaded, asked for an interface at once and again after a while, and unloaded, so many
# times. Ends with 0 if the process that started it, kniwatch, then has what it had after the first times: as many
# descriptors, links, programs and maps, and hardly more memory.
set -e
kniwatch=/proc/$PPID
# From memory: a program read from the guest's root takes longer than the module's coming and going.
cp "$(modinfo -n rte_kni)" "$(command -v kni-create)" /run/

cycle() {
    /run/busybox insmod /run/rte_kni.ko
    /run/kni-create vEth0
    /run/busybox usleep 150000
    /run/kni-create vEth0
    /run/busybox rmmod rte_kni
}

held() {
    for kind in link_type prog_type map_type; do
        echo "$kind $(grep -l "^$kind" "$kniwatch"/fdinfo/* 2>/dev/null | wc -l)"
    done
    echo "descriptors $(ls "$kniwatch/fd" | wc -l)"
}

resident() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "$kniwatch/status"
}

for _ in 1 2 3; do cycle; done
/run/busybox sleep 5
before=$(held) resident=$(resident)
for _ in $(seq "$(($1 - 3))"); do cycle; done
for _ in $(seq 50); do
    [ "$(held)" != "$before" ] || break
    /run/busybox usleep 200000
done
grown=$(($(resident) - resident))
echo "before: $before" "after: $(held)" "grown by $grown kB" >&2
[ "$(held)" = "$before" ]
[ "$grown" -lt 4096 ]
