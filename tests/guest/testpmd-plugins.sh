#!/bin/sh
# testpmd-plugins HOW...: testpmd-session with KNI's libraries from a directory that the linker doesn't know,
# where they lie only from now on.
set -e
plugins=/opt/kni-plugins
mkdir -p "$plugins"
cp -L /usr/lib/*/librte_kni.so.?? /usr/lib/*/librte_net_kni.so.?? "$plugins"
KNI_PLUGINS=$plugins/ exec testpmd-session "$@"
