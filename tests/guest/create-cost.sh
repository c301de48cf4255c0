#!/bin/sh
# create-cost ROUNDS FILE: what creating one KNI interface takes, by turns untraced and under kniwatch watch.
#
# Each round adds a line each to FILE: who watched, the nanoseconds from the program's start to its exit, and
# for how many of them the processor was busy.
# nobody: it is not traced. probes: kniwatch is held meanwhile, so that what it does itself takes nothing from the
# guest's only processor. first: kniwatch watch --arm always sees the program and its libraries for the first time.
# always, auto: kniwatch watch --arm that, which has seen the program before, as where it is restarted.
fail() {
    echo "create-cost: $*" >&2
    exit 1
}

create() {
    timed kni-app --in-memory --no-pci -l 0 -m 32 -- none kni0 || fail "the program failed"
}

# watched ARM LINE...: the same under kniwatch watch --arm ARM, once for each LINE; probes: held meanwhile.
watched() {
    arm=$1
    shift
    rm -f /run/ready
    kniwatch --format json watch --for 60s --arm "$arm" --ready-file /run/ready >/run/watched 2>&1 &
    watch=$!
    until [ -e /run/ready ]; do
        kill -0 $watch || fail "kniwatch has ended: $(cat /run/watched)"
        sleep 0.05
    done
    seen=0
    for line; do
        [ "$line" != probes ] || kill -STOP $watch
        took=$(create) || exit
        [ "$line" != probes ] || kill -CONT $watch
        [ "$line" = unmeasured ] || echo "$line $took" >>"$file"
        # A verdict that was not told would not have cost what is measured.
        seen=$((seen + 1))
        until [ "$(grep -c '"type":"attempt".*"outcome":"created"' /run/watched)" -ge $seen ]; do
            kill -0 $watch || fail "kniwatch saw nothing: $(cat /run/watched)"
            sleep 0.05
        done
    done
    kill -INT $watch
    wait $watch
}

# What is read for the first time comes from the disk.
create >/dev/null
file=$2
for _ in $(seq "$1"); do
    took=$(create) || exit
    echo "nobody $took" >>"$file"
    watched always first always probes
    watched auto unmeasured auto
done
