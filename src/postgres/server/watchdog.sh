# Keeps a private server from outliving the process that started it, even if that is killed with SIGKILL.
#
# $1: the private directory. Standard input: the pid of the process at work in it, one a line, of which the last counts
# (an empty line: none). The end of the input is the end of our parent: then the process is stopped and the directory removed.
dir=$1
trap '' HUP INT QUIT TERM

is_alive() { # A zombie has no command line, a stranger with a reused pid has another one.
    grep -qsF -- "$dir/" "/proc/$1/cmdline"
}

children_of() {
    for stat in /proc/[0-9]*/stat; do
        read -r line <"$stat" || continue
        pid_of_child=${line%% *}
        set -- "$1" ${line##*) }
        [ "$3" = "$1" ] && printf '%s ' "$pid_of_child"
    done 2>/dev/null
}

pid=
while read -r line; do pid=$line; done

if [ -n "$pid" ] && is_alive "$pid"; then
    family="$pid $(children_of "$pid")"
    kill -QUIT "$pid"
    kill -CONT $family # It may have been frozen.
    tries=0
    while is_alive "$pid" && [ "$tries" -lt 500 ]; do
        tries=$((tries + 1))
        sleep 0.02
    done
    is_alive "$pid" && kill -KILL $family
fi 2>/dev/null

# Killed with SIGKILL, a server leaves its System V shared memory segment; line 7 of its lock file names it.
if [ -f "$dir/data/postmaster.pid" ]; then
    ipcrm -m "$(awk 'NR == 7 { print $2 }' "$dir/data/postmaster.pid")" 2>/dev/null
fi
rm -rf -- "$dir"
