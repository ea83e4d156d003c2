#!/usr/bin/env bash
# Makes a Debian root that holds GIMP, for the tests in tests/plugin to run GIMP in.
#
#     tests/plugin/make_gimp_root.sh FOLDER [SUITE]
#
# SUITE is trixie (GIMP 3.0, the default), forky (GIMP 3.2) or bookworm (GIMP 2.10, whose Python modules are
# built for a Python 2.7 of pyenv's). Needs root and Debian's own apt; the host's own packages stay as they
# are. FOLDER appears whole or not at all.
set -euo pipefail

folder=${1:?usage: make_gimp_root.sh FOLDER [SUITE]}
suite=${2:-trixie}

packages=(
    gimp gir1.2-gimp-3.0 python3-gi python3-gi-cairo  # GIMP, and plug-ins in Python
    xvfb openbox xdotool imagemagick x11-utils        # a screen, somebody to press keys, screenshots
    locales fonts-dejavu-core fonts-droid-fallback adwaita-icon-theme  # the languages, Chinese too
)
if [ "$suite" = bookworm ]; then
    packages=(
        gimp libgimp2.0-dev gcc libc6-dev make pkg-config libgirepository1.0-dev libcairo2-dev
        ca-certificates bzip2 locales
    )
    python2=$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.* 2>/dev/null | tail -n 1 || true)
    if [ -z "$python2" ]; then
        echo "make_gimp_root.sh: GIMP 2.10 needs a Python 2.7. Expected: pyenv install 2.7.18" >&2
        exit 1
    fi
fi
languages=(en_GB ru_RU zh_CN de_DE fr_FR es_ES)

if [ "$(id -u)" != 0 ]; then
    echo "make_gimp_root.sh: a Debian root can only be made as root. Received: user $(id -un)" >&2
    exit 1
fi
if ! command -v mmdebstrap >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq mmdebstrap debian-archive-keyring
fi

# The mirror that this machine's own apt speaks to, since no other may be within reach.
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
    grep -v snapshot | head -n 1 | tr -d ' ' || true)
if [ -z "$mirror" ]; then
    echo "make_gimp_root.sh: apt knows no Debian mirror here. Expected one in /etc/apt/sources.list*" >&2
    exit 1
fi

mkdir -p "$(dirname "$folder")"
beside=$(mktemp -d "$(dirname "$folder")/.making-XXXXXX")
trap 'rm -rf --one-file-system "$beside"' EXIT

mmdebstrap --mode=root --variant=minbase \
    --include="$(IFS=,; echo "${packages[*]}")" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "5"' \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='force-unsafe-io' \
    "$suite" "$beside/root" "$mirror"

for language in "${languages[@]}"; do
    chroot "$beside/root" localedef -i "$language" -f UTF-8 "$language.UTF-8"
done
mkdir -p "$beside/root/host"
if [ "$suite" = bookworm ]; then
    "$(dirname "$0")/build_gimpfu.sh" "$beside/root" "$python2" "$mirror"
fi
rm -rf --one-file-system "$folder"
mv "$beside/root" "$folder"
