#!/bin/sh
# environment DIR: a virtual environment with certlogin and everything its tests need.
# system:          Debian packages of the tests in browsers and windows, when root and apt are here; else says what to install.
set -eu

say() { printf '%s\n' "$*" >&2; }

python_at_least_311() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null && python_at_least_311 "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    say "certlogin needs Python 3.11 or newer; found: $(python3 --version 2>&1 || echo none)."
    say "Install one (Debian 12: apt-get install python3 python3-venv), or name it: make setup PYTHON=/path/to/python3.11"
    exit 1
}

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install() {
    say "Installing system packages: $*"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Missing system packages only warn on a developer's machine: the tests that need them say so and are skipped.
wanted() {
    if can_install && install "$@"; then return; fi
    say "Not installed: $*. As root: apt-get install $*"
    if [ "${CI:-}" = true ]; then exit 1; fi
}

environment() {
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
        if ! can_install || ! install "$package"; then
            say "$python has no venv module. As root: apt-get install $package"
            exit 1
        fi
    fi
    missing=""
    command -v pinentry >/dev/null || missing="$missing pinentry-curses"
    [ -e /usr/lib/softhsm/libsofthsm2.so ] || missing="$missing softhsm2"
    # shellcheck disable=SC2086
    [ -z "$missing" ] || wanted $missing
    [ -x "$1/bin/python" ] || "$python" -m venv "$1"
    say "Installing certlogin and its tools into $1/"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
}

system() {
    missing=""
    command -v chromium >/dev/null || missing="$missing chromium"
    command -v Xvfb >/dev/null || missing="$missing xvfb"
    if ! command -v fc-list >/dev/null || ! fc-list :lang=zh | grep -q .; then missing="$missing fontconfig fonts-noto-cjk"; fi
    # shellcheck disable=SC2086
    [ -z "$missing" ] || wanted $missing
}

case "${1:-}" in
environment) environment "$2" ;;
system) system ;;
*) say "usage: $0 environment DIR | system"; exit 2 ;;
esac
