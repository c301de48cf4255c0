#!/bin/sh
# flood INTERFACE NAME: more news of interfaces than a socket holds, while kniwatch doesn't read its own; the last is
# that INTERFACE is called NAME.
pkill -STOP -x kniwatch
for number in $(seq 3000); do
    echo "link set dev $1 alias $number"
done >/run/flood
echo "link set dev $1 name $2" >>/run/flood
ip -batch /run/flood
pkill -CONT -x kniwatch
