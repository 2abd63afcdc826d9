# What the stories share. `load helper` at the top of a .bats file; setup() calls begin.

bats_require_minimum_version 1.5.0

# A folder, a --root and a home of its own; nothing of the caller's settings. (A process costs more than a line here:
# hundreds of tests come by.)
begin() {
	local file=${BATS_TEST_FILENAME##*/}
	file=${file%.bats}
	# not below bats's own folder, which no other user may enter
	T=$E2E_DIR/tests/$file-$BATS_TEST_NUMBER
	export HOME=$T/home CBUILD_ROOT=$T/root
	mkdir -p "$HOME" "$T/src"
	unset CI SOURCE_DATE_EPOCH "${!CI_@}" "${!GITLAB_@}" "${!DOCKER_@}" "${!IMAGE_@}" "${!CPUSH_@}" "${!CDEPLOY_@}" \
		"${!REGISTRY_@}" "${!XDG_@}"
	PATH=$E2E_BIN:$E2E_TOOLS:$PATH
	# names in the shared registry and engine that are this test's alone, and not the beginning of another's
	NAME=t${file//[!a-z0-9]/}
	[ -z "$BATS_TEST_NUMBER" ] || printf -v NAME 't%05d' "$BATS_SUITE_TEST_NUMBER"
	REPO=$E2E_REGISTRY/$NAME
	BUSYBOX=$E2E_BUSYBOX
	cd "$T/src"
}

# slurp FILE: the text is in $REPLY, as $(cat FILE) would give it.
slurp() {
	local parts IFS=
	mapfile -d '' -t parts <"$1"
	REPLY=${parts[*]}
	[[ $REPLY != *$'\n' ]] || REPLY=${REPLY%"${REPLY##*[!$'\n']}"}
}

# expect STATUS COMMAND...: leaves stdout in $out and stderr in $err.
expect() {
	local want=$1 got=0
	shift
	"$@" >"$T/stdout" 2>"$T/stderr" </dev/null || got=$?
	slurp "$T/stdout"
	out=$REPLY
	slurp "$T/stderr"
	err=$REPLY
	[ "$got" -eq "$want" ] || fail "status $got, expected $want, of: $*"
}

fail() {
	echo "$*"
	[ -z "${out-}" ] || printf 'stdout:\n%s\n' "$out"
	[ -z "${err-}" ] || printf 'stderr:\n%s\n' "$(tail -n 30 <<<"$err")"
	return 1
}

equal() {
	[ "$1" = "$2" ] || fail "'$1' is not '$2'${3:+ ($3)}"
}

has() {
	[[ $1 == *"$2"* ]] || fail "'$2' is not in: $1"
}

has_no() {
	[[ $1 != *"$2"* ]] || fail "'$2' is in: $1"
}

# The last line of stderr is TOOL's one message, and names what is asked for.
message() {
	local tool=$1 part lines
	shift
	lines=$(grep -c "^$tool: " <<<"$err") || :
	equal "$lines" 1 'messages on stderr'
	for part in "$@"; do
		has "${err##*$'\n'}" "$part"
	done
}

dockerfile() {
	cat >"${1:-Dockerfile}"
}

# until_true COMMAND...: as long as it takes, up to a ceiling far away. What takes long is asked for more seldom: a
# question to the engine costs more than the pause.
until_true() {
	local n=0
	until "$@"; do
		n=$((n + 1))
		[ "$n" -lt 600 ] || fail "did not come true: $*"
		sleep "0.$((n < 5 ? 1 : n < 20 ? 2 : 4))"
	done
}

# -- images ---------------------------------------------------------------------
# The blob of a store or layout as text.
blob() {
	cat "$1/blobs/${2/://}"
}

# config LAYOUT MANIFEST-DIGEST JQ-FILTER
config() {
	local digest
	digest=$(blob "$1" "$2" | jq -r .config.digest)
	blob "$1" "$digest" | jq -r "$3"
}

# The whole tree of an image, from the store, below the folder $2.
unpack() {
	local store=$1 to=$2 digest=$3 layer
	mkdir -p "$to"
	for layer in $(blob "$store" "$digest" | jq -r '.layers[].digest'); do
		tar -C "$to" -xzf "$store/blobs/${layer/://}"
	done
}

# Which paths the image's last layer names.
last_layer() {
	local layer
	layer=$(blob "$1" "$2" | jq -r '.layers[-1].digest')
	tar -tzf "$1/blobs/${layer/://}"
}

# A build leaves nothing in tmp/ but the lock that builds share.
nothing_in_tmp() {
	local left
	left=$(find "${1:-$CBUILD_ROOT}/tmp" -mindepth 1 ! -name .lock 2>/dev/null | head -n 5)
	[ -z "$left" ] || fail "left in tmp: $left"
	left=$(grep -F "$T" /proc/self/mounts) || :
	[ -z "$left" ] || fail "left mounted: $left"
}

# Processes whose arguments or mounts name $1.
processes_of() {
	local proc words
	for proc in /proc/[0-9]*; do
		[ "${proc#/proc/}" != "$BASHPID" ] && [ "${proc#/proc/}" != $$ ] || continue
		words=()
		{ mapfile -d '' -t words <"$proc/cmdline"; } 2>/dev/null || :
		[[ "${words[*]}" != *"$1"* ]] || echo "${words[*]}"
	done
}

no_process_of() {
	[ -z "$(processes_of "$1")" ]
}

# as_user COMMAND...: as somebody who is no root and has a range of ids, known only inside a mount
# namespace of its own, so that the machine's files stay as they are.
as_user() {
	mkdir -p "$T/accounts"
	unshare --mount sh -c '
		mount -n -t tmpfs tmpfs "$0" && mkdir "$0/etc" "$0/work" &&
		mount -n -t overlay -o "lowerdir=/etc,upperdir=$0/etc,workdir=$0/work" overlay /etc &&
		echo "e2e:x:4242:4242::/tmp:/bin/sh" >>/etc/passwd &&
		echo "e2e:x:4242:" >>/etc/group &&
		echo "e2e:700000:65536" >>/etc/subuid &&
		echo "e2e:700000:65536" >>/etc/subgid || exit 99
		exec setpriv --reuid 4242 --regid 4242 --clear-groups "$@"' "$T/accounts" "$@"
}

# -- registry ---------------------------------------------------------------------
# How many requests of METHOD whose path matches the registry at $1 has seen.
requests() {
	local n
	n=$(grep -cE "^127\.0\.0\.1 .*\"$2 $3" "$1/log") || :
	echo "${n:-0}"
}

# Which digest a reference has there, as another program sees it.
remote_digest() {
	skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$1"
}

# -- engine -----------------------------------------------------------------------
engine() {
	docker -H "$E2E_ENGINE" "$@"
}

# A port for a service to publish. Not one that the kernel gives to whoever connects or binds to none: by the time
# the engine takes it, it would be somebody else's.
free_port() {
	local port
	while :; do
		port=$((10000 + SRANDOM % 10000))
		[ -n "$(ss -Htuln "sport = :$port")" ] || break
	done
	echo "$port"
}

ask() {
	curl -sS --noproxy '*' --max-time 10 "http://127.0.0.1:$1/" 2>&1
}

answers() {
	[ "$(ask "$1")" = "$2" ]
}

# A web server that says its version, from busybox: web VERSION REFERENCE, pushed.
web() {
	local dir=$T/web-$1
	mkdir -p "$dir"
	printf '%s\n' "$1" >"$dir/index.html"
	# a first process that ends when it is told to
	printf '#!/bin/sh\ntrap "exit 0" TERM\nhttpd -f -p 8080 -h /www &\nwait\n' >"$dir/serve"
	dockerfile "$dir/Dockerfile" <<-EOF2
	FROM $BUSYBOX
	COPY --chmod=755 serve /bin/serve
	COPY index.html /www/
	CMD ["/bin/serve"]
	EOF2
	expect 0 cbuild -t "$2" "$dir"
	expect 0 cpush "$2"
}

remove_services() {
	local service
	for service in "$@"; do
		engine service rm "$service" >/dev/null 2>&1 || :
	done
}
