# Owns one throwaway PostgreSQL cluster: makes, starts and stops it on request, and removes it when its
# input ends. The other end of the input is held by the process that asked for the cluster, so the input
# ends however that process does, SIGKILL included.
#
# Usage: sh -c SCRIPT cutover-cluster BINDIR ROOT
# Requests, one a line: `init SUPERUSER [OPTION]`, `copy PORT SUPERUSER`, `start PORT`, `stop MODE`,
# `limit PID BYTES`, `keep`. Each is answered by an exit status.
set -u
bin=$1 root=$2
data=$root/data
# A caller that is gone must not take us along before we have cleaned up.
trap '' HUP INT PIPE
exec 2>>"$root/supervisor.log"

pg_ctl() { "$bin/pg_ctl" -D "$data" -w -t 120 "$@" </dev/null >>"$root/supervisor.log"; }

while read -r request argument; do
    case $request in
    init)
        superuser=${argument%% *}
        # shellcheck disable=SC2086 # options are words
        "$bin/initdb" --no-sync --no-instructions -D "$data" -U "$superuser" ${argument#"$superuser"} --pwfile="$root/password" \
            --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
            </dev/null >>"$root/supervisor.log"
        ;;
    # A standby of the server at that port. The name it goes by there comes from its settings.
    copy)
        PGPASSWORD=$(cat "$root/password") "$bin/pg_basebackup" -D "$data" -h 127.0.0.1 -p "${argument% *}" \
            -U "${argument#* }" --write-recovery-conf --wal-method=stream --checkpoint=fast --no-sync \
            </dev/null >>"$root/supervisor.log"
        ;;
    start) pg_ctl start -l "$root/server.log" -o "-p $argument" ;;
    stop) pg_ctl stop -m "$argument" ;;
    # As the server's user, who may limit what is its own.
    limit) prlimit --pid "${argument% *}" --fsize="${argument#* }" ;;
    keep) echo 0; exit 0 ;;
    *) false ;;
    esac
    echo $?
done

[ ! -e "$data/postmaster.pid" ] || pg_ctl stop -m immediate
cd / && { rm -rf "$root" || { sleep 1; rm -rf "$root"; }; }
