# What lies elsewhere: ADD of files, repositories and archives, and contexts that are no directory.

load helper

setup() {
	begin
	store=$CBUILD_ROOT/store
	unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
	WEB=$("$E2E_SERVERS/web" start "$T/web")
	files=$T/web/files
	printf 'hello\n' >"$files/hello.txt"
	touch -d 2015-10-21T07:28:00Z "$files/hello.txt"
}

teardown() {
	"$E2E_SERVERS/web" stop "$T/web"
	"$E2E_SERVERS/git" stop "$T/web"
}

# The entries of the image's last layer: "-rw-r--r-- 0/0 5 2015-10-21 07:28:00 name".
layer() {
	local digest
	digest=$(blob "$store" "$out" | jq -r '.layers[-1].digest')
	TZ=UTC tar --numeric-owner --full-time -tvzf "$store/blobs/${digest/://}" | tr -s ' '
}

layer_file() {
	local digest
	digest=$(blob "$store" "$out" | jq -r '.layers[-1].digest')
	tar -xzOf "$store/blobs/${digest/://}" "$1"
}

history() {
	config "$store" "$out" '.history[-1].created_by'
}

# A tree in $T/tree, to be packed in several ways.
make_tree() {
	mkdir -p "$T/tree/d"
	printf 'text\n' >"$T/tree/d/f"
	chmod 4750 "$T/tree/d/f"
	ln -s /etc/passwd "$T/tree/d/l"
	ln "$T/tree/d/f" "$T/tree/h"
}

# A repository with two commits, a tag, a branch and a link that leads out.
make_repo() {
	export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@example GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@example
	export GIT_COMMITTER_DATE=2020-01-02T03:04:05Z GIT_AUTHOR_DATE=2020-01-02T03:04:05Z
	git init -q -b main "$T/work"
	(
		cd "$T/work"
		mkdir -p sub/bin
		printf 'one\n' >f
		printf '#!/bin/sh\n' >sub/bin/run
		chmod 755 sub/bin/run
		ln -s /etc sub/out
		printf 'FROM scratch\nCOPY . /\n' >Dockerfile
		printf 'FROM scratch\nCOPY bin /\n' >sub/Dockerfile
		printf 'f\n' >.dockerignore
		git add -A
		git commit -qm one
		git tag -a -m one v1
		git checkout -qb dev
		printf 'two\n' >f
		git commit -qam two
		git checkout -q main
		git clone -q --bare . "$T/web/git/r.git"
	)
	COMMIT=$(git -C "$T/work" rev-parse main)
	GIT=$("$E2E_SERVERS/git" start "$T/web")
}

# -- ADD URL ------------------------------------------------------------------------

@test "a file by its address has its name, its time, and is root's alone" {
	printf 'FROM scratch\nADD http://%s/files/hello.txt /a/\n' "$WEB" >Dockerfile
	expect 0 cbuild .
	equal "$(layer | tail -n 1)" '-rw------- 0/0 6 2015-10-21 07:28:00 a/hello.txt'
	equal "$(history)" "ADD http://$WEB/files/hello.txt /a/ # buildkit"
	nothing_in_tmp
}

@test "a file by its address may have another name, mode and owner, and comes from a redirect" {
	printf 'FROM scratch\nARG NAME=hello\nADD --chmod=644 --chown=3:4 http://%s/to/to/files/${NAME}.txt /other\n' \
		"$WEB" >Dockerfile
	expect 0 cbuild .
	equal "$(layer)" '-rw-r--r-- 3/4 6 2015-10-21 07:28:00 other'
	equal "$(layer_file other)" hello
}

@test "a server that answers 503 is asked again" {
	printf 'FROM scratch\nADD http://%s/flaky/hello.txt /\n' "$WEB" >Dockerfile
	expect 0 cbuild .
	equal "$(layer_file hello.txt)" hello
}

@test "a checksum is verified, and a wrong one names both" {
	sum=$(sha256sum "$files/hello.txt" | cut -d' ' -f1)
	printf 'FROM scratch\nADD --checksum=sha256:%s http://%s/files/hello.txt /\n' "$sum" "$WEB" >Dockerfile
	expect 0 cbuild .
	printf 'other\n' >"$files/hello.txt"
	# with the sum known, the file of before is as good as a new one
	expect 0 cbuild .
	expect 1 cbuild --no-cache .
	message cbuild Dockerfile:2 "$sum" "$(sha256sum "$files/hello.txt" | cut -d' ' -f1)"
	printf 'FROM scratch\nADD --checksum=md5:x http://%s/files/hello.txt /\n' "$WEB" >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:2 md5:x
	nothing_in_tmp
}

@test "a file that is not there, and one that is not to be had" {
	printf 'FROM scratch\nADD http://%s/files/nope /\n' "$WEB" >Dockerfile
	expect 4 cbuild .
	message cbuild Dockerfile:2 "http://$WEB/files/nope" 404
	printf 'FROM scratch\nADD http://%s/auth/files/hello.txt /\n' "$WEB" >Dockerfile
	expect 3 cbuild .
	printf 'FROM scratch\nADD http://%s/away /\n' "$WEB" >Dockerfile
	expect 1 cbuild .
	message cbuild Dockerfile:2 redirect
}

@test "a password in an address reaches the server and nothing else" {
	printf 'FROM scratch\nADD http://u:geheim@%s/auth/files/hello.txt /\n' "$WEB" >Dockerfile
	expect 0 cbuild -v -v --metadata-file "$T/meta" .
	has_no "$out$err$(cat "$T/meta")" geheim
	equal "$(history)" "ADD http://$WEB/auth/files/hello.txt / # buildkit"
	! grep -rq geheim "$CBUILD_ROOT" || fail 'in the state'
	printf 'FROM scratch\nADD http://u:geheim@%s/auth/files/nope /\n' "$WEB" >Dockerfile
	expect 4 cbuild .
	has_no "$err" geheim
}

@test "a download that stalls can be ended" {
	printf 'FROM scratch\nADD http://%s/stall /\n' "$WEB" >Dockerfile
	cbuild . >/dev/null 2>"$T/stderr" 3>&- &
	pid=$!
	until_true grep -q stall "$T/web/log"
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	equal "$got" 143
	nothing_in_tmp
}

@test "an archive by its address is unpacked only when that is asked for" {
	make_tree
	tar -C "$T/tree" -czf "$files/x.tgz" .
	printf 'FROM scratch\nADD http://%s/files/x.tgz /a/\n' "$WEB" >Dockerfile
	expect 0 cbuild .
	has "$(layer)" a/x.tgz
	printf 'FROM scratch\nADD --unpack http://%s/files/x.tgz /a/\n' "$WEB" >Dockerfile
	expect 0 cbuild .
	equal "$(layer_file a/d/f)" text
}

# -- ADD archive ----------------------------------------------------------------------

@test "archives are unpacked by their content, whatever they are called" {
	make_tree
	tar -C "$T/tree" --owner=7 --group=8 -cf plain.txt d/f d/l h
	gzip -c plain.txt >gz
	bzip2 -c plain.txt >bz.zip
	xz -c plain.txt >xz.bin
	zstd -qc plain.txt >z.tar.gz
	for name in plain.txt gz bz.zip xz.bin z.tar.gz; do
		printf 'FROM scratch\nADD %s /to\n' "$name" >Dockerfile
		# no program may be needed for it
		expect 0 env PATH="$E2E_BIN" cbuild .
		equal "$(layer_file to/d/f)" text
		has "$(layer)" "-rwsr-x--- 7/8"
		has "$(layer)" "to/d/l -> /etc/passwd"
		has "$(layer)" "to/h link to to/d/f"
	done
}

@test "what is no archive is copied as it is, and so is one that is not to be unpacked" {
	printf 'just text\n' >x.tar.gz
	: >empty.tar
	make_tree
	tar -C "$T/tree" -cf real.tar .
	printf 'FROM scratch\nADD x.tar.gz empty.tar /a/\nADD --unpack=false real.tar /b/\nCOPY real.tar /c/\n' >Dockerfile
	expect 0 cbuild .
	unpack "$store" "$T/image" "$out"
	equal "$(cat "$T/image/a/x.tar.gz")" 'just text'
	[ -f "$T/image/a/empty.tar" ] && [ ! -s "$T/image/a/empty.tar" ]
	cmp real.tar "$T/image/b/real.tar"
	cmp real.tar "$T/image/c/real.tar"
}

@test "an archive replaces what is there, and its owners can be set" {
	make_tree
	tar -C "$T/tree" -cf x.tar d
	cat >Dockerfile <<-'EOF2'
	FROM scratch
	COPY <<EOF /a/d
	a file where a directory comes
	EOF
	ADD --chown=5:6 x.tar /a
	EOF2
	expect 0 cbuild .
	has "$(layer)" "drwxr-xr-x 5/6"
	has "$(layer)" "5/6 5"
	equal "$(layer_file a/d/f)" text
}

@test "nothing of an archive leads out of its destination, and devices are left out" {
	python3 - <<-'EOF2'
	import io, tarfile
	def make(name, *entries):
	    with tarfile.open(name, "w") as tar:
	        for path, kind, link in entries:
	            info = tarfile.TarInfo(path)
	            info.type, info.linkname = kind, link
	            info.size = 1 if kind == tarfile.REGTYPE else 0
	            tar.addfile(info, io.BytesIO(b"x"))
	make("up.tar", ("../x", tarfile.REGTYPE, ""))
	make("link.tar", ("h", tarfile.LNKTYPE, "../../etc/passwd"))
	make("through.tar", ("l", tarfile.SYMTYPE, "/etc"), ("l/x", tarfile.REGTYPE, ""))
	make("dev.tar", ("null", tarfile.CHRTYPE, ""), ("f", tarfile.REGTYPE, ""))
	EOF2
	printf 'FROM scratch\nADD link.tar /a\n' >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:2 link.tar etc/passwd
	printf 'FROM scratch\nADD up.tar through.tar dev.tar /a/\n' >Dockerfile
	expect 0 cbuild .
	equal "$(layer | grep -o 'a/.*' | tr '\n' ' ')" 'a/ a/etc/ a/etc/x a/f a/l -> /etc a/x '
	has "$err" 'left out'
}

# -- ADD git --------------------------------------------------------------------------

@test "a repository is added at a branch, a tag or a commit, in one shape" {
	make_repo
	umask 077
	for url in "http://$WEB/git/r.git" "git://$GIT/r.git" "http://$WEB/git/r.git#main" \
		"http://$WEB/git/r.git#v1" "git://$GIT/r.git#$COMMIT" "http://$WEB/git/r.git?tag=v1" \
		"http://$WEB/git/r.git?branch=main&commit=${COMMIT:0:8}" "http://$WEB/git/r.git#${COMMIT:0:10}"; do
		printf 'FROM scratch\nADD %s /src\n' "$url" >Dockerfile
		expect 0 cbuild .
		equal "$(layer | grep -v 'src/$' | sort -k6)" "$(cat <<-EOF2
		-rw-r--r-- 0/0 2 2020-01-02 03:04:05 src/.dockerignore
		-rw-r--r-- 0/0 22 2020-01-02 03:04:05 src/Dockerfile
		-rw-r--r-- 0/0 4 2020-01-02 03:04:05 src/f
		drwxr-xr-x 0/0 0 2020-01-02 03:04:05 src/sub/
		-rw-r--r-- 0/0 24 2020-01-02 03:04:05 src/sub/Dockerfile
		drwxr-xr-x 0/0 0 2020-01-02 03:04:05 src/sub/bin/
		-rwxr-xr-x 0/0 10 2020-01-02 03:04:05 src/sub/bin/run
		lrwxrwxrwx 0/0 0 2020-01-02 03:04:05 src/sub/out -> /etc
		EOF2
		)" "$url"
	done
	printf 'FROM scratch\nADD git://%s/r.git#dev /src\n' "$GIT" >Dockerfile
	expect 0 cbuild .
	equal "$(layer_file src/f)" two
	nothing_in_tmp
}

@test "a repository's directory, and not what its links lead to" {
	make_repo
	printf 'FROM scratch\nADD http://%s/git/r.git#main:sub/bin /bin\n' "$WEB" >Dockerfile
	expect 0 cbuild .
	equal "$(layer | grep -o 'bin/.*' | tr '\n' ' ')" 'bin/ bin/run '
	for subdir in sub/out nope f ../../..; do
		printf 'FROM scratch\nADD http://%s/git/r.git#main:%s /x\n' "$WEB" "$subdir" >Dockerfile
		if [ "$subdir" = ../../.. ]; then
			expect 0 cbuild . # the repository's own root
			equal "$(layer_file x/f)" one
		else
			expect 2 cbuild .
			message cbuild Dockerfile:2 "$subdir"
		fi
	done
}

@test "a repository's commit is verified, its .git kept on demand" {
	make_repo
	printf 'FROM scratch\nADD --checksum=%s http://%s/git/r.git#v1 /x\n' "$COMMIT" "$WEB" >Dockerfile
	expect 0 cbuild .
	has_no "$(layer)" x/.git
	printf 'FROM scratch\nADD --checksum=%s http://%s/git/r.git#dev /x\n' "${COMMIT:0:12}" "$WEB" >Dockerfile
	expect 1 cbuild .
	message cbuild Dockerfile:2 "${COMMIT:0:12}" "$(git -C "$T/work" rev-parse dev)"
	printf 'FROM scratch\nADD --keep-git-dir http://%s/git/r.git#main /x\n' "$WEB" >Dockerfile
	expect 0 cbuild .
	unpack "$store" "$T/image" "$out"
	equal "$(git -c safe.directory='*' -C "$T/image/x" rev-parse HEAD)" "$COMMIT"
}

@test "submodules come with a repository, unless they are not wanted" {
	make_repo
	git clone -q "$T/web/git/r.git" "$T/super"
	(
		cd "$T/super"
		git -c protocol.file.allow=always submodule -q add ../r.git module
		git commit -qm module
		git clone -q --bare . "$T/web/git/super.git"
	)
	printf 'FROM scratch\nADD http://%s/git/super.git /x\n' "$WEB" >Dockerfile
	expect 0 cbuild .
	equal "$(layer_file x/module/f)" one
	has_no "$(layer)" '/.git'$'\n'
	printf 'FROM scratch\nADD http://%s/git/super.git?submodules=false /x\n' "$WEB" >Dockerfile
	expect 0 cbuild .
	has_no "$(layer)" x/module/f
}

@test "a repository behind a password, and ones that are not there" {
	make_repo
	printf 'FROM scratch\nADD http://u:geheim@%s/auth/git/r.git /x\n' "$WEB" >Dockerfile
	expect 0 cbuild -v -v .
	has_no "$out$err" geheim
	equal "$(history)" "ADD http://$WEB/auth/git/r.git /x # buildkit"
	! grep -rq geheim "$CBUILD_ROOT" || fail 'in the state'
	printf 'FROM scratch\nADD http://%s/auth/git/r.git /x\n' "$WEB" >Dockerfile
	expect 3 cbuild .
	printf 'FROM scratch\nADD http://%s/git/nope.git /x\n' "$WEB" >Dockerfile
	expect 4 cbuild .
	printf 'FROM scratch\nADD http://%s/git/r.git#nope /x\n' "$WEB" >Dockerfile
	expect 4 cbuild .
	message cbuild Dockerfile:2 "no branch or tag 'nope'"
	printf 'FROM scratch\nADD http://%s/git/r.git#--upload-pack=x /x\n' "$WEB" >Dockerfile
	expect 2 cbuild .
}

@test "without git a repository is not possible here" {
	printf 'FROM scratch\nADD http://%s/git/r.git /x\n' "$WEB" >Dockerfile
	expect 7 env PATH="$E2E_BIN" cbuild .
	message cbuild Dockerfile:2 "'git'"
}

# -- contexts --------------------------------------------------------------------------

@test "a Dockerfile on standard input has an empty context" {
	printf 'FROM scratch\nLABEL a=b\n' >"$T/in"
	got=$(cbuild - <"$T/in" 2>"$T/stderr")
	equal "$(config "$store" "$got" .config.Labels.a)" b
	printf 'FROM scratch\nCOPY a /\n' >"$T/in"
	run -2 --separate-stderr cbuild - <"$T/in"
	has "$stderr" "standard input:2"
	has "$stderr" "only a Dockerfile was given"
	run -2 --separate-stderr cbuild - </dev/null
	has "$stderr" 'standard input is empty'
	run -2 --separate-stderr cbuild -f x - <"$T/in"
	run -2 --separate-stderr cbuild -f - - <"$T/in"
	nothing_in_tmp
}

@test "a tar on standard input is a context, of any compression" {
	mkdir -p "$T/ctx/sub"
	printf 'FROM scratch\nCOPY . /\n' >"$T/ctx/Dockerfile"
	printf 'FROM scratch\nCOPY a /only\n' >"$T/ctx/sub/Other"
	printf 'a\n' >"$T/ctx/a"
	printf 'hidden\n' >"$T/ctx/hidden"
	printf 'hidden\nDockerfile\n.dockerignore\nsub\n' >"$T/ctx/.dockerignore"
	for pack in cat gzip bzip2 xz 'zstd -q'; do
		tar -C "$T/ctx" -c . | $pack >"$T/in"
		out=$(cbuild - <"$T/in" 2>"$T/stderr")
		equal "$(layer | grep -o '[a-z]*$')" a "$pack"
	done
	out=$(cbuild -f sub/Other - <"$T/in" 2>"$T/stderr")
	equal "$(layer_file only)" a
	out=$(cbuild "tar://$T/in" 2>"$T/stderr")
	equal "$(layer_file a)" a
	run -4 --separate-stderr cbuild -f nope - <"$T/in"
	has "$stderr" nope
	nothing_in_tmp
}

@test "hostile tars are no contexts, and their links lead nowhere" {
	python3 - "$T" <<-'EOF2'
	import io, sys, tarfile
	def make(name, *entries):
	    with tarfile.open(sys.argv[1] + "/" + name, "w") as tar:
	        for path, kind, text in entries:
	            info = tarfile.TarInfo(path)
	            info.type = kind
	            data = text.encode() if kind == tarfile.REGTYPE else b""
	            info.linkname = text if kind != tarfile.REGTYPE else ""
	            info.size = len(data)
	            tar.addfile(info, io.BytesIO(data))
	F, L, C = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE
	copy = ("Dockerfile", F, "FROM scratch\nCOPY . /\n")
	make("up", copy, ("../../x", F, "x"))
	make("dev", copy, ("null", C, ""))
	make("abs", copy, ("/etc/x", F, "x"))
	make("through", copy, ("out", L, sys.argv[1]), ("out/x", F, "x"))
	make("steal", ("Dockerfile", L, "/etc/passwd"))
	make("peek", copy, (".dockerignore", L, "/etc/passwd"))
	make("peek2", copy, ("Dockerfile.dockerignore", L, "../../../../../../etc/group"))
	make("copy", ("Dockerfile", F, "FROM scratch\nCOPY l /\n"), ("l", L, "/etc/passwd"))
	EOF2
	for name in up dev copy peek peek2; do
		run -2 --separate-stderr cbuild - <"$T/$name"
		has_no "$stderr" root:
	done
	run -4 --separate-stderr cbuild - <"$T/steal"
	has_no "$stderr" root:
	out=$(cbuild - <"$T/abs" 2>"$T/stderr")
	equal "$(layer_file etc/x)" x
	run --separate-stderr cbuild - <"$T/through"
	[ "$status" -ne 0 ] && [ ! -e "$T/x" ]
	nothing_in_tmp
}

@test "an archive or a Dockerfile by its address is a context" {
	mkdir "$T/ctx"
	printf 'FROM scratch\nCOPY a /\n' >"$T/ctx/Dockerfile"
	printf 'a\n' >"$T/ctx/a"
	tar -C "$T/ctx" -czf "$files/ctx" .
	expect 0 cbuild "http://$WEB/to/files/ctx"
	equal "$(layer_file a)" a
	printf 'FROM scratch\nLABEL a=b\nCOPY x /\n' >"$files/Dockerfile"
	expect 2 cbuild "http://u:geheim@$WEB/auth/files/Dockerfile"
	message cbuild "http://$WEB/auth/files/Dockerfile:3" "'x'"
	has_no "$err" geheim
	expect 4 cbuild "http://$WEB/files/nope"
	nothing_in_tmp
}

@test "a repository is a context, with the Dockerfile inside" {
	make_repo
	expect 0 cbuild "http://$WEB/git/r.git"
	has "$(layer)" Dockerfile
	has_no "$(layer | grep -o '[a-z]*$')" f$'\n' # .dockerignore
	expect 0 cbuild "git://$GIT/r.git#v1:sub"
	equal "$(layer | grep -o '[a-z]*$')" run
	expect 2 cbuild -f sub/Dockerfile "http://$WEB/git/r.git#dev:/"
	message cbuild sub/Dockerfile:2 "'bin' is not in the context 'http://$WEB/git/r.git#dev:/'"
	expect 2 cbuild "http://$WEB/git/r.git#main:sub/out"
	nothing_in_tmp
}

@test "named contexts may lie elsewhere" {
	make_repo
	mkdir "$T/ctx"
	printf 'a\n' >"$T/ctx/a"
	tar -C "$T/ctx" -cJf "$files/ctx.tar" .
	cat >Dockerfile <<-'EOF2'
	FROM scratch
	COPY --from=repo sub/bin/run /f
	COPY --from=tar a /a
	EOF2
	expect 0 cbuild --build-context "repo=http://$WEB/git/r.git#dev" \
		--build-context "tar=http://$WEB/files/ctx.tar" .
	unpack "$store" "$T/image" "$out"
	equal "$(cat "$T/image/f" "$T/image/a" | tr '\n' ' ')" '#!/bin/sh a '
	printf 'FROM scratch\nCOPY --from=repo f /f\n' >Dockerfile
	expect 2 cbuild --build-context "repo=http://u:geheim@$WEB/auth/git/r.git" .
	message cbuild "'f' is not in the context 'http://$WEB/auth/git/r.git': .dockerignore:1"
	has_no "$err" geheim
	cat >Dockerfile <<-'EOF2'
	FROM scratch
	COPY --from=repo sub/bin/run /f
	COPY --from=tar a /a
	EOF2
	expect 2 cbuild --build-context "repo=target:x" --build-context tar=. .
	message cbuild target:
	expect 4 cbuild --build-context "repo=http://$WEB/git/nope.git" --build-context tar=. .
	nothing_in_tmp
}

@test "a context may be given as dir://" {
	printf 'FROM scratch\nCOPY Dockerfile /\n' >Dockerfile
	expect 0 cbuild "dir://$PWD"
	equal "$(layer | grep -o '[A-Za-z]*$')" Dockerfile
}
