/** `/setup/windows.ps1`: PowerShell that lets Windows trust the CA, and gives Docker's service the proxy. */
import type { SetupFacts, SetupHandout } from "./setup-script.ts";

export const setupWindows: SetupHandout = {
  name: "windows.ps1",
  summary: "Makes Windows trust the CA, and its Docker service pull through this proxy.",
  refusal: ({ name }) =>
    `this name stands for ${name}, and is no proxy; fetch the script by another name or address of this host`,
  kind: "powershell",
  print: printWindows,
};

/** All of it is in functions, so a download cut short does nothing at all. */
function printWindows(facts: SetupFacts): string {
  const own = [facts.root, ...(facts.next === undefined ? [] : [facts.next.root])];
  return `# ${setupWindows.summary}
#
#   curl.exe -fsS ${facts.mirror}/setup/windows.ps1 -o setup-entrepot.ps1
#   notepad setup-entrepot.ps1
#   powershell -ExecutionPolicy Bypass -File setup-entrepot.ps1
#
# -Undo takes everything back, -Print changes nothing, -Yes does not ask, -NoRestart leaves Docker alone.
param([switch]$Undo, [switch]$Print, [switch]$Yes, [switch]$NoRestart)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$proxy = 'http://${facts.proxy}'
$fingerprint = '${facts.fingerprint}'
$certificates = @(
${own.map((pem) => `@'\n${pem.trim()}\n'@`).join(",\n")}
)
# Where the service has its environment, and where ours is remembered.
$service = 'HKLM:\\SYSTEM\\CurrentControlSet\\Services\\docker'
$kept = 'HKLM:\\SOFTWARE\\Entrepot'
${powerShell}
Main
`;
}

const powerShell = `
function Say([string]$text) { Write-Output "entrepot: $text" }

function Assert-Administrator {
  $user = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
  if (-not $user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    throw 'entrepot: this needs a PowerShell of an administrator'
  }
}

function Get-Certificates {
  foreach ($pem in $certificates) {
    $bytes = [Text.Encoding]::ASCII.GetBytes($pem)
    New-Object Security.Cryptography.X509Certificates.X509Certificate2 (, $bytes)
  }
}

# Of what this machine trusts as a root
function Edit-Roots([scriptblock]$change) {
  $store = New-Object Security.Cryptography.X509Certificates.X509Store('Root', 'LocalMachine')
  $store.Open('ReadWrite')
  try { foreach ($one in Get-Certificates) { & $change $store $one } } finally { $store.Close() }
}

function Confirm-Fingerprint {
  Say 'the CA of this proxy has the SHA-256 fingerprint'
  Write-Output "  $fingerprint"
  Say 'entrepot ca fingerprint prints it on the server: compare them'
  if ($Yes) { return }
  if ((Read-Host 'Trust it? [y/N]') -notmatch '^(y|yes)$') { throw 'entrepot: nothing was changed' }
}

function Test-Docker { Test-Path $service }

function Get-ServiceEnvironment {
  $item = Get-ItemProperty $service
  if ($item.PSObject.Properties.Name -contains 'Environment') { @($item.Environment) } else { @() }
}

function Set-ServiceEnvironment([string[]]$lines) {
  if ($lines.Count -gt 0) {
    Set-ItemProperty $service -Name Environment -Type MultiString -Value $lines
  } else {
    Remove-ItemProperty $service -Name Environment -ErrorAction SilentlyContinue
  }
  if (-not $NoRestart) { Restart-Service docker; Say 'restarted Docker' }
}

function Apply {
  Confirm-Fingerprint
  Edit-Roots { param($store, $one) $store.Add($one) }
  Say 'this machine trusts the CA'
  if (-not (Test-Docker)) {
    Say "Docker Desktop: Settings, Resources, Proxies, Manual configuration; both servers are $proxy"
    return
  }
  $before = @(Get-ServiceEnvironment)
  if (-not (Test-Path $kept)) {
    New-Item $kept -Force | Out-Null
    Set-ItemProperty $kept -Name Environment -Type MultiString -Value ([string[]]$before)
  }
  $others = @($before | Where-Object { $_ -notmatch '^(HTTPS?|NO)_PROXY=' })
  Set-ServiceEnvironment ($others + @("HTTP_PROXY=$proxy", "HTTPS_PROXY=$proxy", 'NO_PROXY=localhost,127.0.0.0/8,::1'))
  Say "Docker goes to $proxy"
}

function Undo {
  Edit-Roots { param($store, $one) $store.Remove($one) }
  Say 'this machine trusts the CA no more'
  if (Test-Path $kept) {
    if (Test-Docker) { Set-ServiceEnvironment @((Get-ItemProperty $kept).Environment) }
    Remove-Item $kept
  }
}

function Main {
  if ($Print) {
    if ($Undo) { Say "would trust $fingerprint no more, and give Docker the environment that it had" }
    else { Say "would trust $fingerprint and give Docker HTTP_PROXY and HTTPS_PROXY=$proxy" }
    return
  }
  Assert-Administrator
  if ($Undo) { Undo } else { Apply }
}
`;
