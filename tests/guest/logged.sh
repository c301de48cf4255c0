#!/bin/sh
# logged CMD ARGS...: CMD, with what it says in a file of the job's: what is to be seen is kniwatch's.
exec "$@" >>/mnt/job/command.log 2>&1
