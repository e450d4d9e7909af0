#!/usr/bin/env bash
# What make needs from outside of Python: an interpreter, an environment, system libraries and programs.
#
#   setup.sh venv DIR              make the virtual environment DIR
#   setup.sh midi DIR              make sure that the MIDI library can be installed into DIR
#   setup.sh system DIR play|test  install missing system parts, or say exactly which are missing
#
# A system part that cannot be installed never stops make: the instrument then plays into its null
# device, and tests that need the part are skipped with the reason.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Print the first interpreter that is new enough: $PYTHON, python3, then by version.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.12 python3.13 python3.14 python3.11; do
    if command -v "$candidate" >/dev/null && is_new_enough "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  say "ghostnote needs Python 3.11 or newer; found: $(python3 --version 2>&1 || true)"
  say "Install one (for example: sudo apt-get install python3.12 python3.12-venv) and run make again,"
  say "or name it: make play PYTHON=/path/to/python3.12"
  return 1
}

# Print how to become root: nothing if it is us, sudo, or sudo with a password if a person is there to type it.
root_prefix() {
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" -ne 0 ] || return 0
  command -v sudo >/dev/null || return 1
  if sudo -n true 2>/dev/null; then
    echo "sudo -n"
  elif [ -t 0 ] && [ -t 2 ]; then
    echo sudo
  else
    return 1
  fi
}

apt_get() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
    -o Acquire::Retries=5 -o Acquire::http::Timeout=60 "$@" >/dev/null
}

# Install Debian packages one by one, so that one that does not exist here does not take the others with it.
install_packages() {
  local package as_root failed=()
  as_root=$(root_prefix) || return 1
  say "Installing system packages: $*"
  (
    flock 9
    apt_get update || exit 1
    for package in "$@"; do
      apt_get install -y --no-install-recommends "$package" || failed+=("$package")
    done
    [ ${#failed[@]} -eq 0 ]
  ) 9<"${BASH_SOURCE[0]}" # two of these under make -j take turns
}

make_venv() {
  local dir=$1 python version
  if [ -x "$dir/bin/python" ] && is_new_enough "$dir/bin/python" && "$dir/bin/python" -m pip --version >/dev/null 2>&1; then
    return
  fi
  python=$(find_python)
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    install_packages "python$version-venv" || true
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      say "$python cannot make virtual environments: its venv module is missing."
      say "Install it and run make again: sudo apt-get install python$version-venv"
      return 1
    fi
  fi
  say "Making the environment $dir with $("$python" --version)"
  "$python" -m venv --clear "$dir"
}

# The MIDI library comes ready-made for some versions of Python only; for others it is compiled.
prepare_midi() {
  local python="$1/bin/python" build=(g++ pkg-config python3-dev libasound2-dev libjack-jackd2-dev)
  if "$python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("rtmidi") is None)'; then
    return
  fi
  if "$python" -m pip --disable-pip-version-check install -qq --no-input --only-binary :all: python-rtmidi 2>/dev/null; then
    return
  fi
  say "python-rtmidi has no ready-made package for $("$python" --version) here; it will be compiled."
  [ "$(uname)" = Linux ] || return 0
  install_packages "${build[@]}" ||
    say "If compiling fails, install this and run make again: sudo apt-get install ${build[*]}"
}

has_library() { "$1" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$2" 2>/dev/null; }

# Print the Debian packages of the parts that are not there.
missing_parts() {
  local python=$1 purpose=$2
  has_library "$python" libportaudio.so.2 || echo libportaudio2
  has_library "$python" libjack.so.0 || echo libjack-jackd2-0
  has_library "$python" libasound.so.2 || echo libportaudio2 # brings ALSA's library under any of its names
  if [ "$purpose" = test ]; then
    command -v jackd >/dev/null || echo jackd2
    # Newer systems have JACK's recorder apart from the server: known once the server is there.
    ! command -v jackd >/dev/null || command -v jack_rec >/dev/null || echo jack-example-tools
    command -v oscsend >/dev/null || echo liblo-tools
    command -v pd >/dev/null || echo puredata-core
  fi
}

prepare_system() {
  local python="$1/bin/python" purpose=$2 missing round
  [ "$(uname)" = Linux ] || return 0 # elsewhere the Python packages bring their libraries along
  for round in install again report; do
    mapfile -t missing < <(missing_parts "$python" "$purpose" | sort -u)
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$round" = report ] || install_packages "${missing[@]}" || break
  done
  say "Missing on this machine: ${missing[*]}"
  say "  Debian, Ubuntu: sudo apt-get install ${missing[*]}"
  say "  elsewhere: the same libraries and programs from your package manager (PortAudio, JACK, ALSA)"
  if [ "$purpose" = play ]; then
    say "  Going on without: no sound device and no MIDI until they are there."
  else
    say "  Going on without: the tests that need them are skipped."
  fi
}

case "${1:-}" in
  venv) make_venv "$2" ;;
  midi) prepare_midi "$2" ;;
  system) prepare_system "$2" "$3" ;;
  *) say "usage: setup.sh venv DIR | midi DIR | system DIR play|test"; exit 2 ;;
esac
