#!/bin/sh
# Servers, a browser and libical for the whole test suite, from Debian's packages. Installs only what is missing.
set -eu
missing=""
have() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q "ok installed"; }
for package in postgresql redis-server chromium gir1.2-ical-3.0 python3-gi gettext; do
    have "$package" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
command -v apt-get >/dev/null || { echo "install these with your system's package manager:$missing" >&2; exit 1; }
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
$sudo apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq $missing >/dev/null
