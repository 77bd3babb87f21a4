#!/bin/sh
# Sets and removes the record of a dns-01 challenge at a DNS server that takes dynamic updates (RFC 2136), as BIND,
# Knot and PowerDNS do. Needs nsupdate (Debian: bind9-dnsutils). Entrepot calls it as
#
#   nsupdate.sh set|unset _acme-challenge.hub.example.com VALUE
#
# with ACME_DNS_PROVIDER naming this file, and beside that in its environment:
#
#   NSUPDATE_SERVER   192.0.2.53, or with a port behind a blank: "192.0.2.53 5353"
#   NSUPDATE_KEY      file of the TSIG key, as tsig-keygen writes it
set -eu
case $1 in
  set) verb=add ;;
  unset) verb=delete ;;
  *)
    echo "usage: $0 set|unset NAME VALUE" >&2
    exit 2
    ;;
esac
# Others may stand at the same name, so one record is meant, never the name.
printf 'server %s\nupdate %s %s. 60 TXT "%s"\nsend\n' "$NSUPDATE_SERVER" "$verb" "$2" "$3" |
  nsupdate -k "$NSUPDATE_KEY"
