#!/bin/sh
# Lists what was pushed here, as foo/bar:v1.2.3.4, one on each line: 200 at most, and a line says how many more
# there are. A word narrows it.
#
#   ./list_images.sh [foo/]
set -e
cd "$(dirname "$0")"
compose() {
  if docker compose version > /dev/null 2>&1; then
    docker compose -f compose.yaml "$@"
  else
    docker-compose -f compose.yaml "$@"
  fi
}
name=$(compose config | sed -n 's/^ *HOSTED_HOSTS: *//p')
list=$(compose exec -T entrepot entrepot images ls "$name/${1-}" --sort name --limit 200 < /dev/null)
printf '%s\n' "$list" | sed -n "s|^$name/\([^ @]*\) .*|\1|p"
printf '%s\n' "$list" | sed -n 's/^\([0-9]* more\);.*/\1; name what you look for/p' >&2
