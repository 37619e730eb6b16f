#!/bin/sh
# capturing.sh MEANWHILE COMMAND ARG...: runs a capture, whose notes go to the file notes, and MEANWHILE when it is on, where
# $p is the capture's PID. The status is the capture's.
meanwhile=$1
shift
rm -f notes # of a capture before
"$@" 2>notes &
p=$!
until grep -q capturing notes 2>/dev/null || ! kill -0 "$p" 2>/dev/null; do sleep 0.01; done
eval "$meanwhile"
wait "$p"
status=$?
test $status = 0 || cat notes >&2
exit $status
