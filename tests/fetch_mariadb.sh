#!/bin/sh
# Fetches Debian's MariaDB server into FOLDER/mariadb, for tests alone: nothing is installed, no right is needed.
# usage: fetch_mariadb.sh FOLDER
# Ends well only where the server can be started.
set -eu
folder=$1
mkdir -p "$folder"
cd "$folder"
[ ! -x mariadb/usr/sbin/mariadbd ] || exit 0
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "there is no apt-get here" >&2; exit 1; }

# The system's lists of packages, or, where there are none, lists of our own.
options=""
if ! apt-cache show mariadb-server-core >/dev/null 2>&1; then
    mkdir -p apt/lists/partial apt/cache/archives/partial
    options="-o Dir::State::Lists=$PWD/apt/lists -o Dir::Cache=$PWD/apt/cache -o APT::Sandbox::User="
    # shellcheck disable=SC2086
    apt-get $options -qq update
fi
# shellcheck disable=SC2086
libraries=$(apt-cache $options depends mariadb-server-core \
    | sed -n 's/^ *Depends: \(lib[a-z0-9.+-]*\)$/\1/p' | grep -v -x -e libc6 -e libgcc-s1 -e libstdc++6)
mkdir -p packages
# shellcheck disable=SC2086
(cd packages && apt-get $options -o APT::Sandbox::User= -qq download mariadb-server-core $libraries)
rm -rf mariadb
for package in packages/*.deb; do
    dpkg-deb -x "$package" mariadb
done
rm -rf packages apt
LD_LIBRARY_PATH=$(echo "$PWD"/mariadb/usr/lib/*-linux-*) mariadb/usr/sbin/mariadbd --no-defaults --version >/dev/null
