#!/bin/sh
# view-session DIR: kniwatch's full-screen view, used as somebody at a terminal does. DIR gets what was on the
# screen, a file each time; tests/src/view.rs says what must be there.
dir=$1
terminal="tmux -S /run/view-session -f /dev/null"

screen() {
    $terminal capture-pane -p -t view >"$dir/$1"
}

# shown TEXT: waits until TEXT is on the screen.
shown() {
    for _ in $(seq 900); do
        ! $terminal capture-pane -p -t view | grep -qF -e "$1" || return 0
        sleep 0.1
    done
    screen last
    echo "view-session: never on the screen: $1" >&2
    cat "$dir/last" >&2
    exit 1
}

press() {
    $terminal send-keys -t view "$@"
}

mkdir -p "$dir"
$terminal new-session -d -s view -x 80 -y 24 'PS1="ready> " exec sh -i'
shown 'ready>'
press 'stty -g >/run/terminal-before; kniwatch --exe /mnt/bin/standin-kni-1604-static' Enter
shown 'No attempt to create a KNI interface'
screen waiting

# What the library of 16.04 refuses without a word, then a name that another interface has.
standin-kni-1604-static vEth0_0 >/dev/null 2>&1
shown 'lib.memzone-missing'
kni-create lo
shown 'lo  STOPPED IN THE NETWORK CORE'
screen attempts

press j
shown 'vEth0_0  STOPPED IN THE LIBRARY'
screen selected
press Enter
shown 'enter close'
screen opened
press Enter

# One that lives while it is looked at.
kni-create --then 'until [ -e /run/view-seen ]; do sleep 0.1; done' vEth9 &
press g
shown 'vEth9'
press Tab
shown 'HOW FAR IT CAME'
screen processes
press Tab
shown 'vEth9'
screen interfaces
press Tab
shown '[Probes]'
screen probes
touch /run/view-seen
wait $!

press '?'
shown 'this help'
screen help
press x q
shown 'attempts:'
# Typed while kniwatch lets go of its probes: that is for the shell.
press 'stty -g >/run/terminal-after; echo restored | tr a-z A-Z' Enter
shown 'RESTORED'
screen left
if cmp -s /run/terminal-before /run/terminal-after; then
    echo "as before" >"$dir/terminal"
else
    cat /run/terminal-before /run/terminal-after >"$dir/terminal"
fi
$terminal kill-server
