# common.sh: what the scripts that start servers share.  Sourced by bash.
#
# PostgreSQL refuses to run as root.  Whoever is root hands its servers to an
# ordinary user; everything those servers touch then lies below a folder of
# that user's under /tmp, because the checkout may be where nobody else may
# look (/root, a home of mode 700).

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
make=${MAKE:-make}

# what root makes, the servers' user reads; the folder around it is closed
umask 022

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# The user that servers run as: ourselves, or an ordinary one for root.
server_user()
{
	local u

	if [ "$(id -u)" -ne 0 ]; then
		id -un
		return
	fi
	for u in ${CSEC_USER:-} postgres nobody; do
		if id -u "$u" >/dev/null 2>&1 && [ "$(id -u "$u")" -ne 0 ]; then
			echo "$u"
			return
		fi
	done
	die "root cannot run PostgreSQL and there is no user postgres or nobody"
}

user=$(server_user) || exit 1
as=()
if [ "$(id -u)" -eq 0 ]; then
	as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups --)
fi

# as_user FOLDER COMMAND...: run it in FOLDER as the server's user, with FOLDER
# for a home, so that no setting of the caller's own gets in.
as_user()
{
	"${as[@]}" env -C "$1" HOME="$1" "${@:2}"
}

# A new folder of the server's user.  Socket paths end at 107 bytes, so a long
# TMPDIR is not used.
new_folder()
{
	local base=${TMPDIR:-/tmp} dir

	[ ${#base} -le 60 ] || base=/tmp
	dir=$(mktemp -d "$base/csec.XXXXXX") || exit 1
	[ ${#as[@]} -eq 0 ] || chown "$user" "$dir"
	echo "$dir"
}

# The pg_config that the Makefile builds with.
pg_config_path()
{
	local p

	p=$("$make" -s --no-print-directory -C "$top" print-PG_CONFIG) &&
		command -v "$p" || die "no pg_config: run \"make deps\""
}

# make_tree FOLDER: a private PostgreSQL with csec in it; sets bin.  Binaries
# find their libraries and data from where they lie themselves, so they are
# copied; the rest is links, as nothing writes there but "make install", which
# replaces a link and does not write through it.
make_tree()
{
	local tree=$1 pgc lib share

	pgc=$(pg_config_path) || return 1
	bin=$tree$("$pgc" --bindir)
	lib=$("$pgc" --pkglibdir)
	share=$("$pgc" --sharedir)
	if [ ! -x "$bin/postgres" ]; then
		mkdir -p "$bin" "$tree$lib" "$tree$share"
		cp -L "$("$pgc" --bindir)"/* "$bin/"
		cp -rs "$lib/." "$tree$lib/"
		cp -rs "$share/." "$tree$share/"
		# an installed csec must not answer for the one under test
		find "$tree" \( -name 'csec*' -o -name csec.so \) -delete
		# what is to stand in for the server: see tests/sanitize
		[ -z "${CSEC_POSTGRES:-}" ] || {
			mv "$bin/postgres" "$bin/postgres.real"
			cp "$CSEC_POSTGRES" "$bin/postgres"
		}
	fi
	install_csec "$tree"
}

# Two callers must not build at the same time.
install_csec()
{
	mkdir -p "$top/build"
	(
		flock 9
		"$make" -s --no-print-directory -C "$top" install with_llvm=no \
			DESTDIR="$1" >"$top/build/install.log" 2>&1 9>&-
	) 9>"$top/build/.lock" || {
		tail -n 30 "$top/build/install.log" >&2
		echo "csec does not build" >&2
		return 1
	}
}

# start_server FOLDER [key=value...]: FOLDER/data on the socket FOLDER; the
# settings are added behind csec's own.  Needs bin.
start_server()
{
	local dir=$1 kv

	shift
	if [ ! -d "$dir/data" ]; then
		as_user "$dir" "$bin/initdb" -D "$dir/data" -U postgres -A trust \
			-E UTF8 --locale=C.UTF-8 --data-checksums --no-sync \
			--no-instructions >"$dir/initdb.log" 2>&1 || {
			cat "$dir/initdb.log" >&2
			return 1
		}
		as_user "$dir" tee -a "$dir/data/postgresql.conf" >/dev/null <<-END
			$(cat "$top/tests/lib/csec.conf")
			listen_addresses = ''
			unix_socket_directories = '$dir'
			port = 5432
		END
	fi
	for kv in "$@"; do
		case $kv in
			*=*) ;;
			*) die "\"$kv\" is not key=value" ;;
		esac
		as_user "$dir" tee -a "$dir/data/postgresql.conf" >/dev/null \
			<<<"${kv%%=*} = '${kv#*=}'"
	done
	as_user "$dir" "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -t 60 -s start \
		>"$dir/start.log" 2>&1 </dev/null || {
		cat "$dir/start.log" >&2
		[ ! -f "$dir/log" ] || tail -n 20 "$dir/log" >&2
		return 1
	}
}

# Stop by the pid that the data directory names: gently, then less so.
stop_server()
{
	local dir=$1 mode

	[ -f "$dir/data/postmaster.pid" ] || return 0
	for mode in fast immediate; do
		as_user "$dir" "$bin/pg_ctl" -D "$dir/data" -m $mode -t 20 -s stop \
			>/dev/null 2>&1 && return 0
		[ -f "$dir/data/postmaster.pid" ] || return 0
	done
	kill -9 "$(head -n 1 "$dir/data/postmaster.pid")" 2>/dev/null
}

# What a client needs to reach the server in FOLDER.
server_env()
{
	echo "export PGHOST='$1' PGPORT=5432 PGUSER=postgres" \
		"PGDATABASE='${PGDATABASE:-postgres}' PATH='$bin':\"\$PATH\"" \
		"CSEC_DATA='$1/data' CSEC_LOG='$1/log'"
}
