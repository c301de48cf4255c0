#!/bin/sh
# restart-forever CMD ARGS...: what a supervisor does with a program that keeps failing.
while :; do
    "$@"
    sleep 0.3
done
