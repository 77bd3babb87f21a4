/**
 * bash: the part of `/setup/check` that asks the engines: whether they come here, and whether they can.
 * Each is judged by what it runs with, then by a pull of its own.
 */

export const checkEngines = `
# bare ADDRESS: host and port of a URL
bare() { sed -E 's#^[a-z]*://##; s#^[^/]*@##; s#/.*##' <<<"$1"; }

# pid_of NAME
pid_of() { pgrep -o -x "$1" 2>/dev/null; }

# runs_with PID NAME: a variable of a process, readable to root
runs_with() { tr '\\0' '\\n' 2>/dev/null <"/proc/$1/environ" | sed -n "s/^$2=//Ip" | head -n 1; }

# is_older PID FILE: it was started before the file was last changed. The time of its folder in /proc is
# exact, but that of a later look where the system has forgotten it meanwhile.
is_older() {
  local age
  if [[ $2 -nt /proc/$1 ]]; then return 0; fi
  age=$(ps -o etimes= -p "$1" 2>/dev/null) && (($(date +%s) - age < $(stat -c %Y "$2" 2>/dev/null || echo 0)))
}

bundle() {
  local file
  for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem; do
    if [[ -e $file ]]; then printf %s "$file"; return; fi
  done
}

# last_line: of what an engine said
last_line() { grep -v '^[[:space:]]*$' "$work/pull" | tail -n 1 | cut -c 1-300; }

# pull_failed WHO PID SERVICE: why, as far as can be seen from here
pull_failed() {
  if [[ $way = proxy && $system_trusts = no ]]; then
    wrong "$1 comes here as its proxy and does not trust the CA: $(last_line)" "$(set_up trust)"
  elif [[ $way = proxy && -n $2 ]] && is_older "$2" "$(bundle)"; then
    wrong "$1 runs since before the CA was trusted: $(last_line)" "sudo systemctl restart $3"
  else
    wrong "$1 cannot pull $image: $(last_line)"
  fi
}

# older proxies and their CA
check_older() {
  local kind file at ca_file lines
  while read -r kind file; do
    at=$(proxy_in "$file")
    if [[ -z $at || $at = "$proxy" ]]; then continue; fi
    mapfile -t lines < <(to_remove "$kind" "$file" | sed 's/^ *//')
    if [[ -e $drop_in ]] && wins "$kind" "$file"; then
      wrong "$file wins over $drop_in: docker goes to $at" "\${lines[@]}"
    elif [[ $at != none ]]; then
      mind "$file names another proxy, $at" "\${lines[@]}"
    fi
  done < <(service_files)
  while read -r ca_file; do
    mapfile -t lines < <(to_distrust "$ca_file" | sed 's/^ *//')
    mind "$ca_file is the CA of an older proxy, and trusted still" "\${lines[@]}"
  done < <(older_cas)
}

check_docker() {
  local told its_proxy mirrors pid way='' was_there=no
  has docker && pid=$(pid_of dockerd) || return 0
  if ! told=$(docker info --format '{{.HTTPSProxy}} {{range .RegistryConfig.Mirrors}}{{.}} {{end}}' 2>"$work/pull"); then
    mind "docker cannot be asked: $(last_line)" "run this with sudo"
    return
  fi
  its_proxy=$(bare "\${told%% *}")
  mirrors=" \${told#* } "
  if [[ $its_proxy = "$proxy" && -z $only_registry ]]; then way=proxy
  elif [[ $mirrors = *" $mirror/ "* || $mirrors = *" $mirror "* ]]; then way=mirror
  elif [[ -n $its_proxy ]]; then
    wrong "docker goes to another proxy, $its_proxy" "$(set_up docker)"
    return
  elif [[ -e $drop_in ]]; then
    wrong "docker runs since before it was set up" "sudo systemctl daemon-reload && sudo systemctl restart docker"
    return
  else
    mind "docker does not come here" "$(set_up docker)"
    return
  fi
  if [[ $pulling = no || -z $image ]]; then
    well "docker comes here as its $way"
    return
  fi
  if docker image inspect "$image" >/dev/null 2>&1; then was_there=yes; fi
  if docker pull "$image" >"$work/pull" 2>&1; then
    well "docker comes here as its $way, and pulls $image"
  else
    pull_failed docker "$pid" docker
  fi
  if [[ $was_there = no ]]; then docker rmi "$image" >/dev/null 2>&1; fi
}

check_containerd() {
  local pid certs=/etc/containerd/certs.d config=/etc/containerd/config.toml way='' at registry=\${image%%/*}
  has containerd && pid=$(pid_of containerd) || return 0
  at=$(bare "$(runs_with "$pid" HTTPS_PROXY)")
  if grep -qsF "$address\\"" "$certs/\${registry:-$only_registry}/hosts.toml" "$certs/_default/hosts.toml"; then way=mirror
  elif [[ $at = "$proxy" ]]; then way=proxy
  elif [[ -n $at ]]; then wrong "containerd goes to another proxy, $at" "$(set_up containerd)"; return
  else mind "containerd does not come here by itself" "$(set_up containerd)"; return; fi
  if [[ $way = mirror ]] && ! grep -qs "^[^#]*$certs" "$config"; then
    wrong "containerd is not told of $certs, so that only nerdctl looks there" \\
      "in $config, and then sudo systemctl restart containerd:" \\
      "version 2: [plugins.'io.containerd.grpc.v1.cri'.registry]     config_path = '$certs'" \\
      "version 3: [plugins.'io.containerd.cri.v1.images'.registry]   config_path = '$certs'"
    return
  fi
  if [[ $way = mirror ]] && is_older "$pid" "$config"; then
    wrong "containerd runs since before $config was changed" "sudo systemctl restart containerd"
    return
  fi
  if [[ $way = proxy ]] && is_older "$pid" "$(bundle)"; then
    wrong "containerd runs since before the CA was trusted" "sudo systemctl restart containerd"
    return
  fi
  if [[ $pulling = no || -z $image || $EUID != 0 ]] || ! has ctr; then
    well "containerd comes here as its $way"
  elif HTTPS_PROXY=\${at:+http://$at} ctr -n entrepot-check content fetch --hosts-dir "$certs" "$image" >"$work/pull" 2>&1; then
    well "containerd comes here as its $way, and gets $image"
  else
    pull_failed containerd "$pid" containerd
  fi
  if has ctr && [[ $EUID = 0 ]]; then
    ctr -n entrepot-check images rm --sync "$image" >/dev/null 2>&1
    ctr namespaces rm entrepot-check >/dev/null 2>&1
  fi
}

check_podman() {
  local way='' was_there=no
  has podman || return 0
  if grep -qsF "\\"$address" /etc/containers/registries.conf.d/*.conf "\${HOME-}"/.config/containers/registries.conf.d/*.conf; then way=mirror
  elif [[ $(bare "\${HTTPS_PROXY-\${https_proxy-}}") = "$proxy" ]]; then way=proxy
  else mind "podman does not come here" "$(set_up podman)"; return; fi
  if [[ $pulling = no || -z $image ]]; then
    well "podman comes here as its $way"
    return
  fi
  if podman image exists "$image" 2>/dev/null; then was_there=yes; fi
  if podman pull "$image" >"$work/pull" 2>&1; then
    well "podman comes here as its $way, and pulls $image"
  else
    pull_failed podman '' podman
  fi
  if [[ $was_there = no ]]; then podman rmi "$image" >/dev/null 2>&1; fi
}
`;
