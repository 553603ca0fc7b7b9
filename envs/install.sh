#!/bin/sh
# Make .venv from a lock file: sh envs/install.sh ACCEL [PYTHON]. Run by `make env`.
# A copy of the lock file in .venv says what is installed; it is written last, so that a broken
# installation never passes for a finished one.
set -u

accel=$1
lock=envs/$accel.txt
pyproject=pyproject.toml

fail() {
    echo "$1" >&2
    exit 1
}

[ -f "$lock" ] || fail "ACCEL=$accel: there is no $lock; use ACCEL=cpu or ACCEL=cuda12"

bounds=$(sed -n 's/^requires-python = ">=3\.\([0-9]*\),<3\.\([0-9]*\)"$/\1 \2/p' $pyproject)
oldest=${bounds% *}
newest=$((${bounds#* } - 1))
locked="the versions locked here (3.$oldest to 3.$newest)"

minor_of() { # 12 for Python 3.12, nothing for what is no Python 3
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null | sed -n 's/^3\.\([0-9]*\)$/\1/p'
}

has_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

python=
unable=
unfit=
if [ -n "${2:-}" ]; then
    candidates=$2
    preferred=$newest
    [ -n "$(minor_of "$2")" ] || fail "PYTHON=$2 is no Python 3: make env PYTHON=python3.$((newest - 1))"
else
    # The newest version comes last: some packages have no wheel for it yet and need a C compiler.
    candidates="python3 $(seq $((newest - 1)) -1 "$oldest" | sed 's/^/python3./') python3.$newest python3"
    preferred=$((newest - 1))
fi
for candidate in $candidates; do
    minor=$(minor_of "$candidate")
    [ "$candidate" = "python3.$newest" ] && preferred=$newest
    if [ -z "$minor" ]; then
        continue
    elif [ "$minor" -lt "$oldest" ]; then
        unfit=${unfit:-"Python 3.$minor is older than $locked: make env PYTHON=python3.$((newest - 1))"}
    elif [ "$minor" -gt "$newest" ]; then
        unfit="Python 3.$minor is newer than $locked: make env PYTHON=python3.$newest"
    elif [ "$minor" -gt "$preferred" ]; then
        continue
    elif ! has_venv "$candidate"; then
        unable=${unable:-"$candidate lacks venv and ensurepip: install python3.$minor-venv (Debian, Ubuntu), or: make env PYTHON=another-python"}
    else
        # From inside an activated .venv this is the Python that it was made with.
        python=$("$candidate" -c 'import sys; print(getattr(sys, "_base_executable", "") or sys.executable)')
        break
    fi
done
if [ -z "$python" ]; then
    [ -z "$unable" ] || fail "$unable"
    [ -z "$unfit" ] || fail "$unfit"
    fail "no Python found: install one of $locked, or: make env PYTHON=/path/to/python"
fi

echo "Installing $lock into .venv with Python 3.$minor; this takes a few minutes"
rm -f .venv/*.lock
"$python" -m venv --clear .venv || fail "$python could not make .venv; the reason stands above"
if ! .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --progress-bar off \
    --require-hashes --no-deps --requirement "$lock" >.venv/install.log 2>&1; then
    tail -n 20 .venv/install.log >&2
    [ "$minor" -lt "$newest" ] || fail "The installation failed, see above; a C compiler may be missing: make env PYTHON=python3.$((newest - 1))"
    fail "The installation failed, see above (and .venv/install.log); run make env again"
fi
cp "$lock" ".venv/$accel.lock.part" && mv ".venv/$accel.lock.part" ".venv/$accel.lock"
