#!/bin/sh
# contained CMD ARGS...: CMD as process 1 of PID, mount and network namespaces of its own, with librte_kni in
# a directory that is seen nowhere else.
exec unshare --pid --fork --mount --mount-proc --net sh -c '
    set -e
    mount -t tmpfs tmpfs /opt
    cp -L /usr/lib/*/librte_kni.so.?? /opt
    LD_LIBRARY_PATH=/opt exec "$@"
' sh "$@"
