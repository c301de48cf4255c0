#!/bin/sh
# load-and-unload: the module comes, an interface is made and released, the module goes; and all again.
set -e
for _ in 1 2; do
    modprobe rte_kni
    testpmd-session quit
    modprobe -r rte_kni
done
