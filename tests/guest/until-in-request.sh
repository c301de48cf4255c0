#!/bin/sh
# until-in-request CMD ARGS...: starts CMD, which asks for something that a KNI interface's program must answer,
# and ends when CMD waits for that answer.
awaited=kni_net_process_request

# waits PID: in that function. Without frame pointers Linux 5.10 knows no `wchan` (arch/x86/kernel/process.c):
# there it is 0, and the stack of one that sleeps is looked at.
waits() {
    grep -qs $awaited "/proc/$1/wchan" && return
    grep -qsx 0 "/proc/$1/wchan" && grep -qs ') [SD] ' "/proc/$1/stat" && grep -qs $awaited "/proc/$1/stack"
}

"$@" &
until waits $!; do
    kill -0 $! 2>/dev/null || exit 1
done
