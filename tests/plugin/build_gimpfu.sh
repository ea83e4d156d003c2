#!/usr/bin/env bash
# Gives a Debian 12 root with GIMP 2.10 the Python that Debian leaves out, for make_gimp_root.sh.
#
#     tests/plugin/build_gimpfu.sh ROOT PYTHON2 MIRROR
#
# PYTHON2 is the folder of a Python 2.7, copied to the same place in the root. The modules come from
# Debian's own source of GIMP. There is no PyGTK for it any more: without a window gimpfu needs only that
# `import pygtk` works, and dialogs cannot be shown.
set -euo pipefail

root=$1 python2=$2 mirror=$3

mkdir -p "$root$(dirname "$python2")"
cp -a "$python2" "$root$(dirname "$python2")"
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf "${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}"; do
    [ ! -f "$file" ] || install -D -m 644 "$(readlink -f "$file")" "$root$file"
done
echo "deb-src $mirror bookworm main" >"$root/etc/apt/sources.list.d/source.list"

chroot "$root" env PYTHON2="$python2/bin/python2.7" HOME=/root bash -euo pipefail <<'INSIDE'
cd /usr/src
apt-get update -qq -o Acquire::Check-Valid-Until=false
apt-get source -qq --download-only gimp
tar -xf gimp_*.orig.tar.bz2 --wildcards --strip-components=3 'gimp-*/plug-ins/pygimp/*'
"$PYTHON2" -m pip install --quiet --no-input pycairo==1.18.2 PyGObject==3.36.1 2>&1 | grep -v DEPRECATION || true

include=$("$PYTHON2" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
folder=/usr/lib/gimp/2.0
mkdir -p $folder/python
build() {
    local name=$1
    shift
    # The macro that PyGObject 3 has under another name.
    gcc '-Dinit_pygobject()=pygobject_init(-1,-1,-1)' '-DGETTEXT_PACKAGE="gimp20"' -O1 -fPIC -shared -w -I. \
        "-I$include" "-I$(dirname "$include")/pygobject-3.0" "-I$(dirname "$include")/pycairo" \
        $(pkg-config --cflags gimpui-2.0 cairo) -o "$folder/python/$name.so" "$@" $(pkg-config --libs gimpui-2.0)
}
build gimpcolor gimpcolormodule.c pygimp-colors.c
build _gimpenums gimpenumsmodule.c
build gimp gimpmodule.c pygimp-{display,drawable,image,item,parasite,pdb,tile,vectors}.c
cp gimpfu.py gimpplugin.py gimpshelf.py gimpenums.py $folder/python/
printf 'def require(version):\n    pass\n' >$folder/python/pygtk.py
echo "PYTHONPATH=$folder/python" >$folder/environ/pygimp.env
printf '%s\n' "python=$PYTHON2" "python2=$PYTHON2" >$folder/interpreters/pygimp.interp
INSIDE
