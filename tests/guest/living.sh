#!/bin/sh
# living: what kniwatch ls shows, without what differs from run to run: process ids, ages.
kniwatch ls | sed -E 's/\[[0-9]+\]/[PID]/; s/(at most )?[0-9.]+ (ns|us|ms|s|min)/AGE/; s/ +/ /g; s/^/ls: /; s/ $//' >&2
# Held to the schema.
kniwatch --format json ls >&2
