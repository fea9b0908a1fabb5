# For ./run and ./check, which source it from the checkout's directory: `setup run` or `setup check` makes .venv with what the
# lock says. Nothing is done while the lock is the one installed last. Prints to stderr only. Works with an empty HOME.

wanted=$(cat .python-version)

# The path of a Python: the wanted version's, else another that the dependencies have wheels for.
find_python() {
	for version in "$wanted" 3.13 3.12 3.14; do
		for found in "python$version" "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$version".*/bin/python python3 python; do
			"$found" -c "import sys; sys.version_info[:2] == ($(echo "$version" | tr . ,)) or sys.exit(1); print(sys.executable)" \
				2>/dev/null </dev/null && return
		done
	done
	return 1
}

say() { echo "$@" >&2; }

fail() {
	say "$@"
	exit 1
}

locked_files() {
	echo requirements.txt requirements-embedded.txt
	[ "$1" = run ] || echo requirements-dev.txt
}

fingerprint() { cat $(locked_files "$1") .python-version | cksum; }

is_current() {
	[ -x .venv/bin/python ] && [ -r ".venv/.$1-lock" ] && [ "$(cat ".venv/.$1-lock")" = "$(fingerprint "$1")" ]
}

# Runs a command that a signal to this shell ends too, without giving it the standard input.
tied() {
	"$@" >&2 </dev/null &
	child=$!
	trap 'kill $child 2>/dev/null; exit 143' TERM
	trap 'kill $child 2>/dev/null; exit 130' INT
	wait $child && status=0 || status=$?
	trap - TERM INT
	return $status
}

install_locked() {
	[ -w "${HOME:-/nonexistent}" ] || export UV_NO_CACHE=1
	python=$(find_python) || python=
	if ! uv=$(command -v uv); then
		uv=.venv/.uv/bin/uv
		[ -n "$python" ] || fail "Bootshelf needs Python 3.12 or newer, or uv. Neither was found."
		[ -x $uv ] || {
			tied "$python" -m venv .venv/.uv || fail "$python cannot make a virtual environment (Debian: install python3-venv)."
			tied .venv/.uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.txt
		}
	fi
	[ -x .venv/bin/python ] || tied "$uv" venv --quiet --allow-existing --python "${python:-$wanted}" .venv
	requirements=$(locked_files "$1" | tr '\n' ' ' | sed 's/requirements/-r requirements/g')
	tied "$uv" pip install --quiet --python .venv/bin/python --require-hashes --compile-bytecode $requirements
}

setup() {
	is_current "$1" && return
	mkdir -p .venv
	{
		# Through Python where there is no flock command: the lock belongs to the open file, not to who asked for it.
		flock 9 2>/dev/null || "$(find_python)" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' 2>/dev/null || :
		is_current "$1" || {
			say "Installing what the lock says into $PWD/.venv ..."
			install_locked "$1" || fail "The packages could not be installed."
			fingerprint "$1" >".venv/.$1-lock"
		}
	} 9>.venv/.setup
}
