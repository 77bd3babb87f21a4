#!/bin/sh
# Sets the record of a dns-01 challenge at acme-dns (github.com/joohoi/acme-dns), a name server for challenges
# alone: the zone has _acme-challenge.hub.example.com as a CNAME to the "fulldomain" of an account there, and needs
# no other change ever. Needs curl. Entrepot calls it as
#
#   acme-dns.sh set|unset _acme-challenge.hub.example.com VALUE
#
# with ACME_DNS_PROVIDER naming this file, and beside that in its environment:
#
#   ACME_DNS_SERVER     https://acme-dns.example.com
#   ACME_DNS_ACCOUNTS   folder with what its /register answered, as hub.example.com.json; what *.example.com
#                       needs is in example.com.json
set -eu
# It forgets by itself: of each account it keeps the last two values.
[ "$1" = set ] || exit 0
account=$(tr -d '\n' < "$ACME_DNS_ACCOUNTS/${2#_acme-challenge.}.json")
field() { printf '%s' "$account" | sed -n 's/.*"'"$1"'" *: *"\([^"]*\)".*/\1/p'; }
# What is on a command line others see.
{
  printf 'header = "X-Api-User: %s"\n' "$(field username)"
  printf 'header = "X-Api-Key: %s"\n' "$(field password)"
} | curl -fsS --config - --data "{\"subdomain\": \"$(field subdomain)\", \"txt\": \"$3\"}" \
  "$ACME_DNS_SERVER/update" > /dev/null
