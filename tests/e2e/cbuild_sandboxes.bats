# The same builds in every sandbox make the same images. (RUN in place: cbuild_inplace.bats)

load helper
load sandboxes

setup_file() {
	sandboxes_prepare
}

setup() {
	sandboxes_begin
}

# A place that overlayfs does not take as an upper directory: another overlay's.
without_overlay() {
	mkdir -p "$T/over" "$T/layers"
	unshare --mount bash -c '
		mount -n -t tmpfs tmpfs "$0" && mkdir "$0/lower" "$0/upper" "$0/work" &&
		mount -n -t overlay -o "lowerdir=$0/lower,upperdir=$0/upper,workdir=$0/work" overlay "$1" &&
		chmod 777 "$1" || exit 99
		shift
		exec "$@"' "$T/layers" "$T/over" "$@"
}

user_setup() {
	mkdir "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown "${1-4242:4242}" "$T/user"
	chmod 755 "$T/bin"
	as_users=("$T/bin/cbuild" --root "$T/user/root")
	# for programs that start another one, and know no function
	export T
	export -f as_user
	as_user=(bash -c 'as_user "$@"' - env HOME="$T/user")
}

one_id() {
	setpriv --reuid 4243 --regid 4243 --clear-groups env HOME="$T/user" "$@"
}

@test "namespaces of root" {
	sandboxes_same 'ns (root, overlayfs)' "${all[@]}" cbuild
	nothing_in_tmp
	sandboxes_network 0 cbuild
	# what is wanted of all is what a base of a thousand layers makes
	equal "$(blob "$CBUILD_ROOT/store" "$(cat "$SANDBOXES/want/layers.out")" | jq '.layers | length')" 1002
	tar -xzOf "$CBUILD_ROOT/store/blobs/$(blob "$CBUILD_ROOT/store" "$(cat "$SANDBOXES/want/layers.out")" |
		jq -r '.layers[-1].digest' | tr : /)" seen >"$T/seen"
	equal "$(cat "$T/seen")" "$(printf '801\n999999')"
}

# Where a tree is changed in place, cbuild itself looks at that after each RUN (oci/layer/record.h).
@test "each layer of an overlay, put onto those below it, makes what its RUN has left" {
	cd "$SANDBOXES/src"
	sandboxes_walked >walked
	expect 0 env -u SOURCE_DATE_EPOCH cbuild --secret "id=token,src=$SANDBOXES/token" -f walked .
	has "$err" 'isolation: ns (root, overlayfs)'
	expect 0 "$BATS_TEST_DIRNAME/walks.py" "$CBUILD_ROOT/store@$out"
	equal "$out" "$(grep -c '^RUN sh /walks/walk' walked)"
}

@test "a user namespace with a range of ids" {
	user_setup
	sandboxes_same 'ns (user namespace with 65537 ids, overlayfs)' "${as_user[@]}" "${all[@]}" "${as_users[@]}"
	sandboxes_network 0 "${as_user[@]}" "${as_users[@]}"
	nothing_in_tmp "$T/user/root"
}

@test "a user namespace with one id" {
	user_setup 4243:4243
	sandboxes_same 'ns (user namespace with one id' one_id "${one_id[@]}" "${as_users[@]}"
	sandboxes_network 0 one_id "${as_users[@]}"
	nothing_in_tmp "$T/user/root"
}

@test "root without the right to mount has a user namespace, with all ids" {
	sandboxes_same 'ns (user namespace with all ids, overlayfs)' \
		setpriv --bounding-set -sys_admin "${all[@]}" cbuild
	nothing_in_tmp
}

@test "a user whose newuidmap is refused has one id" {
	user_setup
	sandboxes_same 'ns (user namespace with one id (newuidmap was refused), overlayfs)' \
		as_user setpriv --no-new-privs env HOME="$T/user" "${one_id[@]}" "${as_users[@]}"
	has_no "$(cat "$SANDBOXES"/built/*.err)" 'newuidmap:'
}

@test "namespaces of root where overlayfs is refused" {
	sandboxes_same 'ns (root, no overlayfs: ' without_overlay "${all[@]}" cbuild --root "$T/over/root"
	sandboxes_network 0 without_overlay cbuild --root "$T/over/root"
}

@test "a user namespace where overlayfs is refused" {
	user_setup
	sandboxes_same 'ns (user namespace with 65537 ids, no overlayfs: ' \
		without_overlay "${as_user[@]}" "${all[@]}" "$T/bin/cbuild" --root "$T/over/root"
}

@test "a user namespace with one id where overlayfs is refused" {
	user_setup 4243:4243
	sandboxes_same 'ns (user namespace with one id' without_overlay setpriv --reuid 4243 --regid 4243 --clear-groups \
		env HOME="$T/user" "${one_id[@]}" "$T/bin/cbuild" --root "$T/over/root"
	has "$(cat "$SANDBOXES"/built/*.err)" 'no overlayfs: '
}

@test "without openat2, under one filter more" {
	user_setup
	sandboxes_same 'ns (root, overlayfs)' deny openat2=ENOSYS -- "${all[@]}" cbuild
	sandboxes_same 'ns (user namespace with 65537 ids, overlayfs)' \
		deny openat2=EPERM -- "${as_user[@]}" "${all[@]}" "${as_users[@]}"
	sandboxes_same 'ns (root, no overlayfs: ' \
		without_overlay deny openat2=EPERM -- "${all[@]}" cbuild --root "$T/over/root"
}

@test "chroot, with docker's rights, and without openat2" {
	sandboxes_same chroot "${all[@]}" cbuild --isolation=chroot
	nothing_in_tmp
	sandboxes_same chroot deny --docker -- "${all[@]}" cbuild --root "$T/docker" --isolation=chroot
	sandboxes_same chroot deny --docker openat2=ENOSYS -- "${all[@]}" cbuild --root "$T/old" --isolation=chroot
	sandboxes_network 7 cbuild --isolation=chroot
}

@test "none builds what RUNs nothing, and says what is missing else" {
	cd "$SANDBOXES/src"
	printf 'FROM scratch\nCOPY tree /\n' >"$T/no-run"
	expect 0 cbuild -f "$T/no-run" .
	want=$out
	expect 0 cbuild --isolation=none -f "$T/no-run" .
	equal "$out" "$want"
	has_no "$err" isolation
	expect 7 cbuild --isolation=none -f plain .
	message cbuild plain:2 '--isolation=none'
}

@test "where user namespaces have no rights, what RUNs nothing is built outside of them" {
	user_setup 4243:4243
	cd "$SANDBOXES/src"
	printf 'FROM scratch\nCOPY tree /\n' >"$T/no-run"
	expect 0 cbuild -f "$T/no-run" .
	want=$out
	expect 0 deny mount=EACCES -- setpriv --reuid 4243 --regid 4243 --clear-groups \
		"$T/bin/cbuild" --root "$T/user/root" -v -f "$T/no-run" .
	equal "$out" "$want"
	has "$err" 'isolation: none (RUN cannot be had here: ns: '
	equal "$(stat -c %u "$T/user/root/store/index.json")" 4243
}

@test "where nothing can be had the message says what was tried and what would help" {
	user_setup 4243:4243
	cd "$SANDBOXES/src"
	expect 7 deny --docker -- setpriv --reuid 4243 --regid 4243 --clear-groups \
		"$T/bin/cbuild" --root "$T/user/root" -f plain .
	message cbuild plain:2 'user namespace' 'docker run' Kubernetes
}
