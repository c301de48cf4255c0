#!/bin/sh
# until-in-request CMD ARGS...: starts CMD, which asks for something that a KNI interface's program must answer,
# and ends when CMD waits for that answer.
"$@" &
until grep -qs kni_net_process_request "/proc/$!/wchan"; do
    kill -0 $! 2>/dev/null || exit 1
done
