#!/bin/sh
# Fetches Debian's R with what the R client needs into FOLDER/r, for tests alone: nothing is installed, no right is needed.
# usage: fetch_r.sh FOLDER
# Ends well only where a script can be run with FOLDER/r/bin/Rscript.
set -eu
folder=$1
wanted="r-base-core r-cran-httr2 r-cran-jsonlite r-cran-testthat"
mkdir -p "$folder"
cd "$folder"
[ ! -x r/bin/Rscript ] || exit 0
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "there is no apt-get here" >&2; exit 1; }

# The system's lists of packages, or, where there are none, lists of our own.
options="-o APT::Sandbox::User="
if ! apt-cache show r-base-core >/dev/null 2>&1; then
    mkdir -p apt/lists/partial apt/cache/archives/partial
    options="$options -o Dir::State::Lists=$PWD/apt/lists -o Dir::Cache=$PWD/apt/cache"
    # shellcheck disable=SC2086
    apt-get $options -qq update
fi
# All that they need on an empty system, but for what is here already.
# shellcheck disable=SC2086
needed=$(apt-get $options -s -o Dir::State::status=/dev/null --no-install-recommends install $wanted \
    | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
packages=""
for package in $needed; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || packages="$packages $package"
done
mkdir -p packages
# shellcheck disable=SC2086
(cd packages && apt-get $options -qq download $packages)
rm -rf r
for package in packages/*.deb; do
    dpkg-deb -x "$package" r
done
rm -rf packages apt

# R knows where it lies by a line of its script; its settings are links to places of the system.
home="$PWD/r/usr/lib/R"
sed -i -e "s|^R_HOME_DIR=.*|R_HOME_DIR=$home|" -e "s|=/usr/share/R/|=$PWD/r/usr/share/R/|" "$home/bin/R"
for link in "$home"/etc/*; do
    [ ! -L "$link" ] || ln -sf "$PWD/r$(readlink "$link")" "$link"
done
rm -f "$home/etc/Renviron" # which only an installation makes
cp "$home/etc/Renviron.ucf" "$home/etc/Renviron"
mkdir -p r/bin
for program in R Rscript; do
    cat > r/bin/$program <<END
#!/bin/sh
export RHOME="$home" R_LIBS_SITE="$PWD/r/usr/lib/R/site-library"
export LD_LIBRARY_PATH="$home/lib:$(echo "$PWD"/r/usr/lib/*-linux-*):$(echo "$PWD"/r/usr/lib/*-linux-*/blas):$(echo "$PWD"/r/usr/lib/*-linux-*/lapack)"
exec "$home/bin/$program" "\$@"
END
    chmod +x r/bin/$program
done
r/bin/Rscript -e 'library(httr2); library(testthat)' >/dev/null
