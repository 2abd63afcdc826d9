# The same build in every sandbox makes the same image.

load helper
load sandboxes

setup() {
	begin
	sandboxes_prepare
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
	chown 4242:4242 "$T/user" "$T/token"
	chmod 755 "$T/bin"
}

one_id() {
	setpriv --reuid 4243 --regid 4243 --clear-groups env HOME="$T/user" "$@"
}

@test "namespaces of root" {
	sandboxes_same 'ns (root, overlayfs)' plain cbuild
	nothing_in_tmp
	sandboxes_same 'ns (root, overlayfs)' owners cbuild
	sandboxes_network 0 cbuild
}

@test "a user namespace with a range of ids" {
	user_setup
	sandboxes_same 'ns (user namespace with 65537 ids, overlayfs)' plain \
		as_user env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root"
	sandboxes_same 'ns (user namespace with 65537 ids, overlayfs)' owners \
		as_user env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root"
	sandboxes_network 0 as_user env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root"
	nothing_in_tmp "$T/user/root"
}

@test "a user namespace with one id" {
	user_setup
	chown 4243:4243 "$T/user" "$T/token"
	sandboxes_same 'ns (user namespace with one id' plain one_id "$T/bin/cbuild" --root "$T/user/root"
	sandboxes_network 0 one_id "$T/bin/cbuild" --root "$T/user/root"
	nothing_in_tmp "$T/user/root"
}

@test "root without the right to mount has a user namespace, with all ids" {
	sandboxes_same 'ns (user namespace with all ids, overlayfs)' plain \
		setpriv --bounding-set -sys_admin cbuild
	sandboxes_same 'ns (user namespace with all ids, overlayfs)' owners \
		setpriv --bounding-set -sys_admin cbuild
	nothing_in_tmp
}

@test "a user whose newuidmap is refused has one id" {
	user_setup
	sandboxes_same 'ns (user namespace with one id (newuidmap was refused), overlayfs)' plain \
		as_user setpriv --no-new-privs env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root"
	has_no "$err" 'newuidmap:'
}

@test "namespaces of root where overlayfs is refused" {
	sandboxes_same 'ns (root, no overlayfs: ' plain without_overlay cbuild --root "$T/over/root"
	sandboxes_same 'ns (root, no overlayfs: ' owners without_overlay cbuild --root "$T/over/root"
	sandboxes_network 0 without_overlay cbuild --root "$T/over/root"
}

@test "a user namespace where overlayfs is refused" {
	user_setup
	export T
	export -f as_user
	sandboxes_same 'ns (user namespace with 65537 ids, no overlayfs: ' plain \
		without_overlay bash -c 'as_user "$@"' - env HOME="$T/user" "$T/bin/cbuild" --root "$T/over/root"
}

@test "without openat2, under one filter more" {
	sandboxes_same 'ns (root, overlayfs)' plain deny openat2=ENOSYS -- cbuild
	sandboxes_same 'ns (root, overlayfs)' owners deny openat2=EPERM -- cbuild --root "$T/other"
}

@test "chroot" {
	sandboxes_same chroot plain cbuild --isolation=chroot
	sandboxes_same chroot owners deny --docker -- cbuild --isolation=chroot
	sandboxes_network 7 cbuild --isolation=chroot
	nothing_in_tmp
}

@test "none builds what RUNs nothing, and says what is missing else" {
	printf 'FROM scratch\nCOPY tree /\n' >no-run
	expect 0 cbuild -f no-run .
	want=$out
	expect 0 cbuild --isolation=none -f no-run .
	equal "$out" "$want"
	has_no "$err" isolation
	expect 7 cbuild --isolation=none -f plain .
	message cbuild plain:2 '--isolation=none'
}

@test "where user namespaces have no rights, what RUNs nothing is built outside of them" {
	user_setup
	chown 4243:4243 "$T/user"
	printf 'FROM scratch\nCOPY tree /\n' >no-run
	expect 0 cbuild -f no-run .
	want=$out
	expect 0 deny mount=EACCES -- setpriv --reuid 4243 --regid 4243 --clear-groups \
		"$T/bin/cbuild" --root "$T/user/root" -v -f no-run .
	equal "$out" "$want"
	has "$err" 'isolation: none (RUN cannot be had here: ns: '
	equal "$(stat -c %u "$T/user/root/store/index.json")" 4243
}

@test "where nothing can be had the message says what was tried and what would help" {
	user_setup
	chown 4243:4243 "$T/user"
	expect 7 deny --docker -- setpriv --reuid 4243 --regid 4243 --clear-groups \
		"$T/bin/cbuild" --root "$T/user/root" -f plain .
	message cbuild plain:2 'user namespace' 'docker run' Kubernetes
}
