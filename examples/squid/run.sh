#!/bin/sh
# Starts it as it started Squid, without Compose. The old squid.conf lies beside this script; what follows the
# two folders goes to `docker run`.
#
#   ADDRESS=192.168.1.10 ./run.sh SSL_DIRECTORY CACHE_DIRECTORY [OPTION...]
set -e
if [ $# -lt 2 ]; then
  echo "usage: ADDRESS=192.168.1.10 $0 SSL_DIRECTORY CACHE_DIRECTORY [OPTION...]" >&2
  exit 2
fi
: "${ADDRESS:?write ADDRESS=192.168.1.10: the address of this machine that clients reach}"
here=$(cd "$(dirname "$0")" && pwd)
certificates=$(cd "$1" && pwd)
# What Squid kept lies beside it, and may go.
mkdir -p "$2/entrepot"
cache=$(cd "$2/entrepot" && pwd)
shift 2
exec docker run --detach --name registry-cache --restart unless-stopped --stop-timeout 40 --read-only \
  --log-opt max-size=10m --log-opt max-file=3 --publish "$ADDRESS:443:8443" \
  --env OLD_SETUP=/etc/squid/squid.conf --env TLS_PORT=8443 --env "VERIFY_SSL=${VERIFY_SSL-}" \
  --volume "$here/squid.conf:/etc/squid/squid.conf" --volume "$certificates:/etc/ssl/private" \
  --volume "$cache:/data" "$@" "${ENTREPOT_IMAGE:-entrepot:0.1.0}"
