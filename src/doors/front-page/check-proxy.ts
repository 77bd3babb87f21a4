/** bash: the part of `/setup/check` that asks the proxy itself. */

export const checkProxy = `
# ask_proxy WORD...: curl, past what the environment says of proxies and of trust
ask_proxy() {
  env -u NO_PROXY -u no_proxy -u SSL_CERT_FILE -u SSL_CERT_DIR -u CURL_CA_BUNDLE curl -sS --max-time 30 "$@" 2>"$work/error"
}

# said: what curl said of it, in a line
said() { sed -n '$s/^curl: ([0-9]*) //p' "$work/error"; }

# message: what an answer of the registry's kind says is wrong
message() { sed -nE '1,20s/.*"message": *"([^"]*)".*/\\1/p' "$work/body" | head -n 1; }

check_reached() {
  local status code=0
  status=$(ask_proxy --noproxy '*' -D "$work/head" -o "$work/body" -w '%{http_code}' "$mirror/readyz") || code=$?
  case $code in
    0) ;;
    6) wrong "the name of $mirror has no address here" "write it into /etc/hosts or DNS, or fetch this script by an address"; return ;;
    7) wrong "nothing answers at $mirror: $(said)" "is it running, and does a firewall let this machine through?"; return ;;
    28) wrong "$mirror does not answer in time" "does a firewall let this machine through?"; return ;;
    60) wrong "$mirror shows a certificate that this system does not trust" "$(set_up trust)"; return ;;
    *) wrong "$mirror cannot be asked: $(said)"; return ;;
  esac
  case $status in
    200) is_reached=yes ;;
    403) wrong "$mirror turns this machine away: $(message)" "ALLOW_CLIENTS on the proxy has to name it"; return ;;
    503) wrong "$mirror is starting or stopping" "once more in a moment"; return ;;
    *) wrong "$mirror answers $status, so another program may have that port"; return ;;
  esac
  if grep -q '"status":"degraded"' "$work/body"; then
    mind "$mirror answers, with something amiss: $(sed -nE 's/.*"reasons":\\[([^]]*)\\].*/\\1/p' "$work/body")" "entrepot doctor, on the server, says how that is mended"
  else
    well "$mirror answers, and is ready"
  fi
}

# Certificates are good for a while, by this machine's clock.
check_clock() {
  local theirs ours
  theirs=$(date -d "$(sed -nE 's/\\r$//; s/^date: *//Ip' "$work/head")" +%s 2>/dev/null) || return 0
  ours=$(date +%s)
  if ((theirs - ours > 60 || ours - theirs > 60)); then
    wrong "the clock of this machine is $((ours > theirs ? ours - theirs : theirs - ours)) seconds away from the proxy's" "sudo timedatectl set-ntp true"
  fi
}

# through WORD...: asks a registry through the proxy
through() {
  local login=''
  if [[ -n \${ENTREPOT_LOGIN-} ]]; then login="proxy-user = \\"$ENTREPOT_LOGIN\\""; fi
  ask_proxy --noproxy '' --proxy "http://$proxy" -K - -o "$work/body" -w '%{http_code} %{http_connect}' \\
    "$@" "https://$api_host/v2/" <<<"$login" >"$work/status"
}

check_ca() {
  local code=0
  through --cacert "$work/ca.pem" || code=$?
  case $code,$(cat "$work/status") in
    0,*) well "https://$api_host is answered with a certificate of this proxy's CA" ;;
    60,*)
      if through; then
        mind "$api_host is not read by the proxy, but tunnelled: nothing of it is kept" "INTERCEPT_EXCEPT or TUNNEL on the proxy may name it"
      else
        wrong "the proxy's CA is another one than when this script was fetched" "fetch it again: curl -fsS $mirror/setup/check | sudo bash"
      fi
      return
      ;;
    *,*407) wrong "the proxy at $proxy wants a login" "ENTREPOT_LOGIN=user:password, and the same in the proxy's address for clients"; return ;;
    *,*403) wrong "the proxy at $proxy refuses $api_host" "its log says which rule that was"; return ;;
    *) wrong "$api_host cannot be asked through $proxy: $(said)"; return ;;
  esac
  code=0
  through || code=$?
  if [[ $code = 0 ]]; then
    system_trusts=yes
    well "this system trusts that CA"
  else
    system_trusts=no
    mind "this system does not trust that CA; only who comes by a mirror setting needs no trust" "$(set_up trust)"
  fi
}

# fetch PATH: from the mirror door; what it says of where that came from is in $from
fetch() {
  local code=0 status
  status=$(ask_proxy --noproxy '*' -D "$work/head" -o "$work/body" -w '%{http_code}' \\
    -H 'Accept: application/vnd.oci.image.index.v1+json' \\
    -H 'Accept: application/vnd.docker.distribution.manifest.list.v2+json' \\
    -H 'Accept: application/vnd.oci.image.manifest.v1+json' \\
    -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "$mirror/v2/$1") || code=$?
  from=$(sed -nE 's/\\r$//; s/^cache-status: *//Ip' "$work/head" 2>/dev/null)
  [[ $code = 0 && $status = 200 ]] && return
  problem="$(message)"
  [[ -n $problem ]] || problem="$status $(said)"
  return 1
}

first_digest() { grep -oE '"digest": *"sha256:[0-9a-f]{64}"' "$work/body" | head -n 1 | grep -oE 'sha256:[0-9a-f]+'; }

# pull_by_hand: an image's manifest, its first platform, its first blob
pull_by_hand() {
  local name tag digest
  name=\${image#*/} tag=latest
  [[ -n $only_registry ]] || name=$image
  if [[ $name = *@* ]]; then tag=\${name#*@} name=\${name%%@*}
  elif [[ \${name##*/} = *:* ]]; then tag=\${name##*:} name=\${name%:*}; fi
  answers=''
  fetch "$name/manifests/$tag" || return 1
  answers+="$from"$'\\n'
  digest=$(first_digest)
  if grep -qE '"manifests": *\\[' "$work/body"; then
    fetch "$name/manifests/$digest" || return 1
    answers+="$from"$'\\n'
    digest=$(first_digest)
  fi
  fetch "$name/blobs/$digest" || return 1
  answers+="$from"$'\\n'
}

check_hit() {
  local problem='' answers='' from=''
  if ! pull_by_hand || ! pull_by_hand; then
    wrong "$image cannot be pulled from $mirror: $problem" "--image names another one to try"
  elif grep -q 'fwd=stale' <<<"$answers"; then
    mind "a second pull of $image comes from here, but its registry cannot be asked"
  elif grep -qvE '; (hit|collapsed)|^$' <<<"$answers"; then
    wrong "a second pull of $image was fetched again: $(grep -vE '; (hit|collapsed)|^$' <<<"$answers" | head -n 1)" "entrepot explain $image, on the server, says why"
  else
    well "a second pull of $image is a hit"
  fi
}
`;
