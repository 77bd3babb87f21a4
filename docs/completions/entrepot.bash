# Written by npm run docs from the commands themselves.
_entrepot() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} at= word words= index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=${COMP_WORDS[index]}
    case "${at:+$at }$word" in
      "serve" | "init" | "doctor" | "setup" | "config" | "config check" | "config print" | "config schema" | "ca" | "ca show" | "ca fingerprint" | "ca print" | "ca rotate" | "sleep" | "health" | "images" | "images ls" | "images show" | "images rm" | "images export" | "images import" | "images import-registry" | "gc" | "stats" | "top" | "explain" | "backup" | "restore" | "dashboard") at="${at:+$at }$word" ;;
    esac
  done
  case $before in
    --config | --env-file | --tls-cert | --tls-key | --tls-client-ca | --admin-token-file | --admin-read-token-file | --data-dir | --auth-registries-file | --docker-config | --proxy-auth-file | --records-file | --https-proxy-file | --http-proxy-file | --ca-cert | --ca-key | --ca-key-passphrase-file | --token-secret-file | --httpreq-password-file | --cloudflare-api-token-file | --acme-ca | --hosted-htpasswd | --s3-access-key-file | --s3-secret-key-file | --from | --output | -o)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    --log-level) words="debug info warn error silent" ;;
    --log-format) words="json pretty" ;;
    --intercept) words="auto named" ;;
    --allow-push) words="true false" ;;
    --tunnel) words="allow deny" ;;
    --offline) words="true false" ;;
    --upstream-family) words="auto 4 6" ;;
    --acme-challenge) words="http-01 dns-01" ;;
    --hosted-anonymous-pull) words="true false" ;;
    --hosted-anonymous-push) words="true false" ;;
    --hosted-read-only) words="true false" ;;
    --hosted-sparse) words="true false" ;;
    --s3-redirect) words="true false" ;;
    --host | --port | --public-url | --tls-port | --admin-host | --admin-port | --admin-hosts | --trusted-proxies | --metrics-repositories | --registries | --auth-registries-delimiter | --auth-registry-delimiter | --auth-realms | --intercept-except | --policy | --allow-clients | --max-connections-per-client | --tunnel-ports | --upstream-allow-addresses | --cache-max-size | --cache-min-free | --tag-ttl | --stale-if-error | --orphan-downloads | --orphan-size | --orphan-time | --scrub-interval | --upstream-ca | --verify-ssl | --no-proxy | --mirror-hosts | --mirror-default | --mirror-login | --mirror-allow-clients | --acme-directory | --acme-email | --acme-domains | --acme-dns-provider | --httpreq-username | --acme-dns-wait | --cloudflare-api | --acme-http-port | --hosted-hosts | --hosted-rules | --hosted-lease | --store | --address | --wait | --limit | --sort | --platform | --as | --as-cache-of | --untagged-after) return ;;
  esac
  [[ -n $words ]] || case $at in
    "") words="serve init doctor setup config ca sleep health images gc stats top explain backup restore dashboard -h --help -v --version --config --env-file --host --port --public-url --tls-port --tls-cert --tls-key --tls-client-ca --admin-host --admin-port --admin-token-file --admin-read-token-file --admin-hosts --trusted-proxies --data-dir --log-level --log-format --metrics-repositories --registries --auth-registries-file --auth-registries-delimiter --auth-registry-delimiter --auth-realms --docker-config --intercept --intercept-except --allow-push --policy --allow-clients --proxy-auth-file --max-connections-per-client --tunnel --tunnel-ports --upstream-allow-addresses --cache-max-size --cache-min-free --tag-ttl --stale-if-error --offline --orphan-downloads --orphan-size --orphan-time --scrub-interval --records-file --upstream-ca --verify-ssl --upstream-family --https-proxy-file --http-proxy-file --no-proxy --ca-cert --ca-key --ca-key-passphrase-file --token-secret-file --mirror-hosts --mirror-default --mirror-login --mirror-allow-clients --acme-directory --acme-email --acme-domains --acme-challenge --acme-dns-provider --httpreq-username --httpreq-password-file --acme-dns-wait --cloudflare-api-token-file --cloudflare-api --acme-ca --acme-http-port --hosted-hosts --hosted-htpasswd --hosted-rules --hosted-anonymous-pull --hosted-anonymous-push --hosted-read-only --hosted-lease --hosted-sparse --store --s3-access-key-file --s3-secret-key-file --s3-redirect" ;;
    "serve") words="-h --help -v --version --config --env-file --host --port --public-url --tls-port --tls-cert --tls-key --tls-client-ca --admin-host --admin-port --admin-token-file --admin-read-token-file --admin-hosts --trusted-proxies --data-dir --log-level --log-format --metrics-repositories --registries --auth-registries-file --auth-registries-delimiter --auth-registry-delimiter --auth-realms --docker-config --intercept --intercept-except --allow-push --policy --allow-clients --proxy-auth-file --max-connections-per-client --tunnel --tunnel-ports --upstream-allow-addresses --cache-max-size --cache-min-free --tag-ttl --stale-if-error --offline --orphan-downloads --orphan-size --orphan-time --scrub-interval --records-file --upstream-ca --verify-ssl --upstream-family --https-proxy-file --http-proxy-file --no-proxy --ca-cert --ca-key --ca-key-passphrase-file --token-secret-file --mirror-hosts --mirror-default --mirror-login --mirror-allow-clients --acme-directory --acme-email --acme-domains --acme-challenge --acme-dns-provider --httpreq-username --httpreq-password-file --acme-dns-wait --cloudflare-api-token-file --cloudflare-api --acme-ca --acme-http-port --hosted-hosts --hosted-htpasswd --hosted-rules --hosted-anonymous-pull --hosted-anonymous-push --hosted-read-only --hosted-lease --hosted-sparse --store --s3-access-key-file --s3-secret-key-file --s3-redirect" ;;
    "init") words="--from --output --yes -h --help -v --version --config --env-file" ;;
    "doctor") words="--json -h --help -v --version --config --env-file" ;;
    "setup") words="--address -h --help -v --version --config --env-file" ;;
    "config") words="check print schema -h --help -v --version --config --env-file" ;;
    "config check") words="--running -h --help -v --version --config --env-file --host --port --public-url --tls-port --tls-cert --tls-key --tls-client-ca --admin-host --admin-port --admin-token-file --admin-read-token-file --admin-hosts --trusted-proxies --data-dir --log-level --log-format --metrics-repositories --registries --auth-registries-file --auth-registries-delimiter --auth-registry-delimiter --auth-realms --docker-config --intercept --intercept-except --allow-push --policy --allow-clients --proxy-auth-file --max-connections-per-client --tunnel --tunnel-ports --upstream-allow-addresses --cache-max-size --cache-min-free --tag-ttl --stale-if-error --offline --orphan-downloads --orphan-size --orphan-time --scrub-interval --records-file --upstream-ca --verify-ssl --upstream-family --https-proxy-file --http-proxy-file --no-proxy --ca-cert --ca-key --ca-key-passphrase-file --token-secret-file --mirror-hosts --mirror-default --mirror-login --mirror-allow-clients --acme-directory --acme-email --acme-domains --acme-challenge --acme-dns-provider --httpreq-username --httpreq-password-file --acme-dns-wait --cloudflare-api-token-file --cloudflare-api --acme-ca --acme-http-port --hosted-hosts --hosted-htpasswd --hosted-rules --hosted-anonymous-pull --hosted-anonymous-push --hosted-read-only --hosted-lease --hosted-sparse --store --s3-access-key-file --s3-secret-key-file --s3-redirect" ;;
    "config print") words="-h --help -v --version --config --env-file --host --port --public-url --tls-port --tls-cert --tls-key --tls-client-ca --admin-host --admin-port --admin-token-file --admin-read-token-file --admin-hosts --trusted-proxies --data-dir --log-level --log-format --metrics-repositories --registries --auth-registries-file --auth-registries-delimiter --auth-registry-delimiter --auth-realms --docker-config --intercept --intercept-except --allow-push --policy --allow-clients --proxy-auth-file --max-connections-per-client --tunnel --tunnel-ports --upstream-allow-addresses --cache-max-size --cache-min-free --tag-ttl --stale-if-error --offline --orphan-downloads --orphan-size --orphan-time --scrub-interval --records-file --upstream-ca --verify-ssl --upstream-family --https-proxy-file --http-proxy-file --no-proxy --ca-cert --ca-key --ca-key-passphrase-file --token-secret-file --mirror-hosts --mirror-default --mirror-login --mirror-allow-clients --acme-directory --acme-email --acme-domains --acme-challenge --acme-dns-provider --httpreq-username --httpreq-password-file --acme-dns-wait --cloudflare-api-token-file --cloudflare-api --acme-ca --acme-http-port --hosted-hosts --hosted-htpasswd --hosted-rules --hosted-anonymous-pull --hosted-anonymous-push --hosted-read-only --hosted-lease --hosted-sparse --store --s3-access-key-file --s3-secret-key-file --s3-redirect" ;;
    "config schema") words="-h --help -v --version --config --env-file" ;;
    "ca") words="show fingerprint print rotate -h --help -v --version --config --env-file" ;;
    "ca show") words="-h --help -v --version --config --env-file" ;;
    "ca fingerprint") words="-h --help -v --version --config --env-file" ;;
    "ca print") words="-h --help -v --version --config --env-file" ;;
    "ca rotate") words="--switch -h --help -v --version --config --env-file" ;;
    "sleep") words="-h --help -v --version --config --env-file" ;;
    "health") words="--data-dir --config --env-file --json --host --port --wait -h --help -v --version" ;;
    "images") words="ls show rm export import import-registry -h --help -v --version --config --env-file" ;;
    "images ls") words="--data-dir --config --env-file --json --limit --sort -h --help -v --version" ;;
    "images show") words="--data-dir --config --env-file --json -h --help -v --version" ;;
    "images rm") words="--data-dir --config --env-file --json --yes -h --help -v --version" ;;
    "images export") words="--data-dir --config --env-file --json -o --output --platform -h --help -v --version" ;;
    "images import") words="--data-dir --config --env-file --json --as -h --help -v --version" ;;
    "images import-registry") words="--data-dir --config --env-file --json --as --as-cache-of --dry-run -h --help -v --version" ;;
    "gc") words="--data-dir --config --env-file --json --dry-run --untagged-after -h --help -v --version" ;;
    "stats") words="--data-dir --config --env-file --json -h --help -v --version" ;;
    "top") words="--data-dir --config --env-file --json -h --help -v --version" ;;
    "explain") words="--data-dir --config --env-file --json -h --help -v --version" ;;
    "backup") words="--data-dir -h --help -v --version --config --env-file" ;;
    "restore") words="--data-dir -h --help -v --version --config --env-file" ;;
    "dashboard") words="--data-dir --config --env-file --json -h --help -v --version" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o filenames -F _entrepot entrepot
