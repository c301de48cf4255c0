#!/bin/sh
# create-cost ROUNDS FILE: what creating one KNI interface takes, by turns untraced and under kniwatch watch.
#
# Each round adds a line each to FILE: who watched and the nanoseconds from the program's start to its exit.
# nobody: it is not traced. probes: kniwatch is held meanwhile, so that what it does itself takes nothing from the
# guest's only processor. always, auto: kniwatch watch --arm that.
fail() {
    echo "create-cost: $*" >&2
    exit 1
}

create() {
    timed kni-app --in-memory --no-pci -l 0 -m 32 -- none kni0 || fail "the program failed"
}

# watched ARM [held]: the same under kniwatch watch --arm ARM.
watched() {
    rm -f /run/ready
    kniwatch --format json watch --for 60s --arm "$1" --ready-file /run/ready >/run/watched 2>&1 &
    watch=$!
    until [ -e /run/ready ]; do
        kill -0 $watch || fail "kniwatch has ended: $(cat /run/watched)"
        sleep 0.05
    done
    [ -z "$2" ] || kill -STOP $watch
    took=$(create)
    [ -z "$2" ] || kill -CONT $watch
    # A verdict that was not told would not have cost what is measured.
    until grep -q '"type":"attempt".*"outcome":"created"' /run/watched; do
        kill -0 $watch || fail "kniwatch saw nothing: $(cat /run/watched)"
        sleep 0.05
    done
    kill -INT $watch
    wait $watch
    echo "$took"
}

# What is read for the first time comes from the disk.
create >/dev/null
for _ in $(seq "$1"); do
    took=$(create) || exit
    echo "nobody $took" >>"$2"
    took=$(watched always held) || exit
    echo "probes $took" >>"$2"
    for arm in always auto; do
        took=$(watched $arm) || exit
        echo "$arm $took" >>"$2"
    done
done
