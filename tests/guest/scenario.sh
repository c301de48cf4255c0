# What scenarios are made of; tests/src/script.rs writes the calls. To be sourced.
job=/mnt/job
beside=
loaded=
situation=
status=0
. situations

# fail MESSAGE: the scenario can't be set up, so no verdict of it would say anything.
fail() {
    echo "kniwatch-vm: $*" >&2
    exit 124
}

# holders: the pids of those that have /dev/kni open.
holders() {
    find /proc/[0-9]*/fd -lname /dev/kni 2>/dev/null | cut -d/ -f3 | sort -u
}

# alone CMD ARGS...: runs it in a session of its own and lets nothing of that outlive it.
alone() {
    setsid "$@" &
    session=$!
    wait "$session"
    ended=$?
    pkill -KILL -s "$session"
    return "$ended"
}

# settle: what ran beside is gone, and nobody has the device.
settle() {
    [ -z "$beside" ] || pkill -KILL -s "$beside"
    beside=
    [ -z "$situation" ] || "${situation}_undone" || fail "can't undo $situation"
    situation=
    for _ in $(seq 100); do
        [ -n "$(holders)" ] || return 0
        sleep 0.1
    done
    fail "still has /dev/kni open: $(holders)"
}

# unload: the module is no longer there. Who was killed has given it up only some time after the process has gone.
unload() {
    for _ in $(seq 100); do
        ! modprobe -r rte_kni 2>/run/unload || return 0
        sleep 0.1
    done
    fail "can't unload rte_kni: $(cat /run/unload)"
}

# module absent | loaded [PARAMETERS] | refused PARAMETERS | variant NAME: the module's state from now on.
module() {
    rm -f /run/ifindex /run/holder
    if [ -e /sys/module/rte_kni ]; then
        [ "$*" != "$loaded" ] || return 0
        unload
    fi
    loaded=$*
    # The parameters are words of their own.
    case $1 in
    loaded) modprobe rte_kni $2 || fail "can't load rte_kni $2" ;;
    refused) ! modprobe rte_kni $2 || fail "rte_kni was loaded with $2" ;;
    variant) insmod "/lib/modules/$(uname -r)/extra/variants/$2/rte_kni.ko" || fail "can't load the variant $2" ;;
    esac
}

# situation NAME: the guest is as situations.sh says, until settle.
situation() {
    situation=$1
    "${situation}_made" || fail "can't make $situation"
}

# beside INTERFACE COMMAND: COMMAND runs beside, from when it has made INTERFACE.
beside() {
    setsid sh -c "$2" >>$job/beside.log 2>&1 &
    beside=$!
    for _ in $(seq 600); do
        [ ! -e "/sys/class/net/$1" ] || break
        sleep 0.1
    done
    [ -e "/sys/class/net/$1" ] || fail "no $1 from $2"
    holders >/run/holder
}

# storm: foreign ioctls from now on.
storm() {
    setsid nice -n 19 ioctl-storm &
    storm=$!
}

# check NAME ARGS...: kniwatch check as a test, which leaves everything in the directory NAME.
check() {
    results=$job/$1
    shift
    mkdir "$results"
    set -- --format json check --record "$results/recording" "$@"
    if [ -z "$by" ]; then
        alone timeout -k 5 150 kniwatch "$@" >"$results/json" 2>"$results/stderr"
    else
        check_beside "$@" >"$results/json" 2>"$results/stderr"
    fi
    echo $? >"$results/status"
    kill -0 "$storm" || fail "the storm has ended"
    for noted in ifindex holder; do
        [ ! -e "/run/$noted" ] || cp "/run/$noted" "$results/$noted"
    done
    dmesg >"$results/kernel.log"
    echo "${results##*/}"
}

# check_beside ARGS... -- CMD...: kniwatch by somebody who could not start CMD as it must be.
check_beside() {
    options=
    while [ "$1" != -- ]; do
        options="$options $1"
        shift
    done
    shift
    mkdir -m 777 /run/ready
    chmod 777 "$results"
    # None of the words has blanks in it.
    alone timeout -k 5 150 $by kniwatch $options --ready-file /run/ready/file &
    checking=$!
    while [ ! -e /run/ready/file ] && kill -0 $checking; do sleep 0.1; done 2>/dev/null
    rm -r /run/ready
    "$@" >&2
    wait $checking
}

# unended FILE ARGS...: kniwatch ARGS until it has written to FILE that somebody died in the module, and then all the
# rest. Its end is not waited for: where the kernel's grace periods never end, no probe is ever gone, and nobody who
# has one.
unended() {
    told=$1
    shift
    kniwatch "$@" >"$told" &
    telling=$!
    until grep -qi 'died.in.\(the.\)\?module' "$told"; do
        kill -0 $telling || fail 'kniwatch has ended'
        sleep 0.1
    done
    kill -INT $telling
    until grep -q '"type":"summary"\| records, ' "$told"; do sleep 0.1; done
}

# check_unended NAME ARGS...: check in a guest where that is so. The exit status is the one that it says.
check_unended() {
    results=$job/$1
    shift
    mkdir "$results"
    unended "$results/json" --format json check --record "$results/recording" "$@" 2>"$results/stderr"
    sed -n 's/.*"exit_status":\([0-9]*\).*/\1/p' "$results/json" >"$results/status"
    dmesg >"$results/kernel.log"
    echo "${results##*/}"
}

# announce NAME LINE: says what comes.
announce() {
    printf '\n== %s: %s\n' "$1" "$2" >&2
}

# show FORMAT ARGS...: kniwatch check for somebody who watches.
show() {
    format=$1
    shift
    alone kniwatch --format "$format" check "$@"
    status=$?
}

# show_unended FORMAT ARGS...: the same in a guest where nothing ends.
show_unended() {
    format=$1
    shift
    unended /run/told --format "$format" check "$@"
    cat /run/told
}

# finish: with the status of the last show.
finish() {
    exit "$status"
}
