#!/bin/sh
# What an SSH session of on-call staff may do: the screen, or one of a few commands. docs/deployment.md explains it.
set -eu
umask 077
wardwatch=${WARDWATCH_BIN:-/usr/local/bin/wardwatch}
token=$HOME/.wardwatch.token
case ${SSH_ORIGINAL_COMMAND-} in
'') exec "$wardwatch" watch --user "$(id -un)" ;;
login) exec "$wardwatch" login --user "$(id -un)" --token-file "$token" ;;
logout) exec "$wardwatch" logout --token-file "$token" ;;
once) exec "$wardwatch" watch --token-file "$token" --once --format text ;;
'once json') exec "$wardwatch" watch --token-file "$token" --once --format json ;;
follow) exec "$wardwatch" watch --token-file "$token" --follow --format ndjson ;;
plain) exec "$wardwatch" watch --token-file "$token" --plain ;;
*)
    echo 'allowed: no command (the screen), login, logout, once, once json, follow, plain' >&2
    exit 2
    ;;
esac
