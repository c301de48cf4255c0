#!/bin/sh
# Switches kprobes off until kniwatch has let go of its own, and on again until it has as many as before.
set -e
kprobes=/sys/kernel/debug/kprobes
attached() { wc -l <$kprobes/list; }
before=$(attached)
echo 0 >$kprobes/enabled
while [ "$(attached)" -ge "$before" ]; do :; done
echo 1 >$kprobes/enabled
while [ "$(attached)" -lt "$before" ]; do :; done
