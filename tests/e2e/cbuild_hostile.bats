# What has been a hole in builders and engines, tried here. Each test is named by one of its reports; what
# is tried is the idea, in the place where this program would have it.

load helper

setup() {
	begin
	mkdir "$T/victim"
	echo safe >"$T/victim/file"
	: >"$T/victim/empty"
	store=$CBUILD_ROOT/store
}

# evil ENTRY...: an image under the name `evil` (see hostile.py).
evil() {
	"$BATS_TEST_DIRNAME/hostile.py" "$E2E_BUSYBOX_LAYOUT" "$T/evil" "$@"
}

build() {
	cbuild --build-context "evil=oci-layout://$T/evil:1" "$@" .
}

teardown() {
	local pid
	for pid in ${FLIPS-} ${BUILD_PID-}; do
		kill "$pid" 2>/dev/null || :
	done
}

victim_is_whole() {
	equal "$(cd "$T/victim" && echo *)" 'empty file'
	equal "$(cat "$T/victim/file")" safe
}

tree_of_the_image() {
	rm -rf "$T/tree"
	unpack "$store" "$T/tree" "$out"
}

@test "CVE-2014-9357, CVE-2014-9356: an entry of a layer does not go through a link out of the tree" {
	evil "L out $T/victim" "D ${T#/}/victim" -- 'F out/file overwritten' 'F out/new x'
	printf 'FROM evil\nRUN cat %s/file >/seen\n' "$T/victim" >Dockerfile
	expect 0 build
	victim_is_whole
	tree_of_the_image
	equal "$(cat "$T/tree/seen")" overwritten
}

@test "S11: a layer that unpacks to more than it may ends the build, and nothing of it stays" {
	local isolation
	evil 'Z zeros 30000000' 'F small x'
	# a gzip of zeros: a thousandth
	[ "$(du -sb "$T/evil" | cut -f1)" -lt 5000000 ]
	printf 'FROM evil\nRUN ls -l /zeros\n' >Dockerfile
	for isolation in auto chroot; do
		expect 1 build --isolation "$isolation" --max-layer-size 20m
		message cbuild 'unpacks to more than 20971520 bytes' --max-layer-size
	done
	# who only looks into it does not read it to its end either
	printf 'FROM evil\nCOPY --from=evil /small /copied\n' >Dockerfile
	CBUILD_MAX_LAYER_SIZE=20m expect 1 build
	message cbuild 'unpacks to more than 20971520 bytes'
	equal "$(find "$CBUILD_ROOT" -name zeros)" ''
	expect 0 build --max-layer-size 40m
	expect 2 build --max-layer-size much
	message cbuild --max-layer-size much
}

@test "CVE-2014-6407: a hard link of a layer does not reach out of the tree" {
	local name
	for name in "$T/victim/file" "../../../../../../../../..$T/victim/file"; do
		rm -rf "$T/evil"
		evil "H stolen $name"
		printf 'FROM evil\nRUN echo x >>/stolen\n' >Dockerfile
		run ! build
	done
	victim_is_whole
}

@test "CVE-2018-15664, CVE-2020-10696: COPY follows links of an image inside that image" {
	echo new >new
	evil "D ${T#/}/victim" "L out $T/victim" "L here out" 'L passwd /etc/passwd'
	printf 'FROM evil AS bad\nFROM evil\nCOPY new /here/\nRUN echo run >/out/run\nCOPY new /out/again\nCOPY --from=bad /passwd /stolen\n' >Dockerfile
	expect 0 build
	victim_is_whole
	tree_of_the_image
	equal "$(ls "$T/tree/$T/victim")" "$(printf 'again\nnew\nrun')"
	has_no "$(cat "$T/tree/stolen")" daemon
}

@test "CVE-2019-14271: names of users are looked up in the image, by nothing of the machine's or the image's code" {
	evil 'F etc/nsswitch.conf passwd: evil' 'F lib/libnss_evil.so.2 x' 'F etc/passwd only:x:77:78::/:/bin/sh'
	printf 'FROM evil\nUSER only\nRUN id -u >/tmp/id\nCOPY --chown=only Dockerfile /tmp/\n' >Dockerfile
	expect 0 build
	tree_of_the_image
	equal "$(cat "$T/tree/tmp/id")" 77
	equal "$(stat -c %u "$T/tree/tmp/Dockerfile")" 77
	printf 'FROM evil\nUSER daemon\nRUN id\n' >Dockerfile
	run -2 build
}

@test "CVE-2026-41567: no program is started to decompress a layer or an archive" {
	mkdir "$T/programs"
	local name
	for name in xz unxz lzma zstd unzstd lz4 lzop bzip2 bunzip2 gzip unpigz gunzip grzip lrzip uncompress; do
		printf '#!/bin/sh\necho %s >>%s/started\nexec cat\n' "$name" "$T" >"$T/programs/$name"
	done
	chmod +x "$T"/programs/*
	echo x >file
	tar -cf plain.tar file
	xz -k plain.tar
	zstd -q plain.tar
	bzip2 -k plain.tar
	# the first bytes of formats that only programs read
	printf '\x89LZO\x00\x0d\x0a\x1a\x0a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' >a.lzo
	printf 'LRZI\x00\x06aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' >a.lrz
	printf 'GRZipII\x00\x02\x04:)aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' >a.grz
	printf 'FROM scratch\nADD plain.tar.xz plain.tar.zst plain.tar.bz2 a.lzo a.lrz a.grz /d/\n' >Dockerfile
	expect 0 env PATH="$T/programs:$PATH" cbuild .
	[ ! -e "$T/started" ] || fail "started: $(cat "$T/started")"
}

@test "CVE-2021-3602: nothing of the builder's environment is in a RUN's, in a chroot neither" {
	printf 'FROM %s\nRUN env >/env; cat /proc/self/environ >>/env 2>/dev/null; true\n' "$BUSYBOX" >Dockerfile
	export CANARY=s3cr3t-value
	expect 0 cbuild .
	tree_of_the_image
	has_no "$(tr '\0' '\n' <"$T/tree/env")" s3cr3t-value
	expect 0 cbuild --isolation=chroot --no-cache .
	tree_of_the_image
	has_no "$(tr '\0' '\n' <"$T/tree/env")" s3cr3t-value
}

@test "CVE-2022-27651, CVE-2022-29162: a RUN inherits and passes on no capability" {
	printf 'FROM %s\nRUN grep -E "Cap(Inh|Amb)" /proc/self/status >/caps\nUSER app\nRUN grep -E "Cap(Inh|Prm|Eff|Amb)" /proc/self/status >/tmp/caps\n' \
		"$BUSYBOX" >Dockerfile
	expect 0 cbuild .
	tree_of_the_image
	has_no "$(sort -u -k2 "$T/tree/caps" "$T/tree/tmp/caps" | tr -d '0')" '[1-9a-f]'
	equal "$(awk '{ print $2 }' "$T/tree/caps" "$T/tree/tmp/caps" | sort -u)" 0000000000000000
}

@test "CVE-2022-2990, CVE-2022-36109: a user's groups are those of the image, so what a group may not is not done" {
	evil 'F etc/group root:x:0:\nstaff:x:50:app' 'F etc/passwd app:x:1000:1001::/:/bin/sh'
	printf 'FROM evil\nRUN printf "root:x:0:\\nstaff:x:50:app\\n" >/etc/group && echo x >/no && chown 0:50 /no && chmod 0604 /no\nUSER app\nRUN id -G >/tmp/groups; ! cat /no\nUSER 1000:1001\nRUN id -G >/tmp/groups2; cat /no\n' >Dockerfile
	expect 0 build
	tree_of_the_image
	equal "$(cat "$T/tree/tmp/groups")" '1001 50'
	equal "$(cat "$T/tree/tmp/groups2")" '1001'
}

@test "CVE-2024-1753: the source of a mount does not lead out of its image" {
	evil "L out /"
	printf 'FROM evil\nRUN --mount=from=evil,source=/out,target=/m,rw test ! -e /m%s && echo x >/m/x && ls /m >/seen\n' "$T" >Dockerfile
	expect 0 build
	[ ! -e /x ]
	tree_of_the_image
	has "$(cat "$T/tree/seen")" out
}

@test "CVE-2024-9407: a mount has the keys that it has, and no options of the kernel's" {
	local mount
	for mount in 'type=bind,target=/m,bind-propagation=shared' 'type=bind,target=/m,source=.,rshared' \
		'type=tmpfs,target=/m,size=1m:exec' 'type=cache,target=/m,mode=755,dev' 'type=bind,target=/m,rw,suid'; do
		printf 'FROM %s\nRUN --mount=%s true\n' "$BUSYBOX" "$mount" >Dockerfile
		expect 2 cbuild .
		message cbuild Dockerfile:2
	done
}

@test "CVE-2024-9675: an id of a cache is no path" {
	printf 'FROM %s\nRUN --mount=type=cache,id=../../../../victim,target=/c rm -rf /c/file; echo x >/c/x\nRUN --mount=type=cache,id=%s/victim,target=/c echo x >/c/x\n' "$BUSYBOX" "$T" >Dockerfile
	expect 0 cbuild .
	victim_is_whole
	[ -z "$(find "$CBUILD_ROOT/cache/mounts" -mindepth 1 -maxdepth 1 -name '*.*.*')" ]
}

@test "CVE-2024-9676: passwd and group are files of the image and small, or they are not read" {
	ln -s "$T/victim/file" nothing
	local what
	for what in 'P etc/passwd' 'L etc/passwd /dev/zero' "L etc/passwd $T/passwd" 'C etc/passwd 1:5' 'D etc/passwd'; do
		rm -rf "$T/evil"
		echo 'only:x:4:4::/:/bin/sh' >"$T/passwd"
		evil "$what"
		printf 'FROM evil\nUSER only\nRUN id\n' >Dockerfile
		run ! build
		[ "$status" -ne 124 ]
	done
}

@test "CVE-2024-11218: what one RUN does to a mount of a stage another never sees" {
	printf 'FROM %s AS s\nRUN mkdir /d && echo one >/d/f\n' "$BUSYBOX" >Dockerfile
	for name in a b; do
		printf 'FROM %s AS %s\nRUN --mount=from=s,source=/d,target=/d,rw cat /d/* >/%s; rm -rf /d/f; ln -s / /d/f; echo x >/d/%s\n' \
			"$BUSYBOX" "$name" "$name" "$name"
	done >>Dockerfile
	printf 'FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\n' >>Dockerfile
	expect 0 cbuild --jobs 4 .
	tree_of_the_image
	equal "$(cat "$T/tree/a")$(cat "$T/tree/b")" oneone
}

@test "CVE-2024-3727: a digest that is a path is no digest" {
	evil 'F x x'
	cp -r "$T/evil" "$T/good"
	local digest
	for digest in 'sha256:../../../victim/file' 'sha256:..' '../victim:file' 'sha256:ABCD'; do
		rm -rf "$T/evil"
		cp -r "$T/good" "$T/evil"
		jq --arg d "$digest" '.manifests[0].digest = $d' "$T/good/index.json" >"$T/evil/index.json"
		printf 'FROM evil\nCOPY Dockerfile /\n' >Dockerfile
		run ! build
		has "$output" 'digest'
	done
	victim_is_whole
}

@test "CVE-2024-23651: the source of a cache does not lead out of its stage" {
	printf 'FROM %s AS s\nRUN ln -s / /out\nFROM %s\nRUN --mount=type=cache,from=s,source=/out,target=/c test ! -e /c%s && ls /c >/seen\n' \
		"$BUSYBOX" "$BUSYBOX" "$T" >Dockerfile
	expect 0 cbuild .
	tree_of_the_image
	has "$(cat "$T/tree/seen")" busybox ||
		has "$(cat "$T/tree/seen")" bin
}

@test "CVE-2024-23652: taking mount points away removes nothing of the machine's" {
	cat >Dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN --mount=type=tmpfs,target=/a/victim/new --mount=type=secret,id=s,target=/a/victim/empty \
		mv /a /b; mkdir -p /a; rm -rf /a/victim; ln -s $T/victim /a/victim; ln -s $T/victim /link; true
	EOF2
	echo s >"$T/s"
	run cbuild --secret "id=s,src=$T/s" .
	victim_is_whole
}

@test "CVE-2024-23650: no document of an image ends the builder" {
	local text nested
	nested=$(printf '[%.0s' $(seq 20000))
	printf 'FROM evil\nENV A=1\nCOPY --chown=app Dockerfile /tmp/\n' >Dockerfile
	for text in null '[]' '{}' "$nested" "{\"a\":$nested" '{"a":1e999}' '{"rootfs":null}' '{"rootfs":{"type":"layers","diff_ids":[null]}}' \
		'{"config":null}' '{"config":{"Env":[null,1,"=",""]}}' '{"config":{"Env":{}}}' '{"config":{"Labels":[[]]}}' \
		'{"config":{"ExposedPorts":1}}' '{"config":{"OnBuild":["","ONBUILD","FROM x","\\u0000"]}}' '{"config":{"WorkingDir":[]}}' \
		'{"history":[null,1,{"created":[]}]}' '{"created":-1,"os":1}'; do
		refused_document config "$text"
		[ ${#text} -gt 3 ] && [ "$text" != "$nested" ] || refused_document manifest "$text"
	done
}

refused_document() {
	rm -rf "$T/evil"
	evil "X $1 $2"
	status=0
	build >"$T/stdout" 2>"$T/stderr" || status=$?
	out=$(cat "$T/stdout") err=$(cat "$T/stderr")
	case $status in
	1 | 2 | 5) message cbuild evil ;;
	*) fail "status $status with the $1 ${2:0:60}" ;;
	esac
}

# Where the processes of these pids can be reached: listeners PID|PID...
listeners() {
	ss -Hnlptuwx0 | grep -E "pid=($1)," || :
}

@test "CVE-2024-23653: nobody can ask a builder for anything: neither it nor its helper listens" {
	local pids
	printf 'FROM %s\nRUN --mount=type=cache,target=/c touch /c/here && while [ ! -e /c/go ]; do sleep 0.1; done\n' "$BUSYBOX" >Dockerfile
	cbuild . >"$T/stdout" 2>"$T/stderr" </dev/null 3>&- &
	BUILD_PID=$!
	until_true sh -c "ls $CBUILD_ROOT/cache/mounts/*/here 2>/dev/null"
	pids="$BUILD_PID|$(pgrep -P "$BUILD_PID" | tr '\n' '|')"
	[ "$(tr '|' '\n' <<<"$pids" | grep -c .)" -ge 2 ] || fail "only $pids"
	equal "$(listeners "${pids%|}")" ''
	# it would be seen: a server of this run is
	has "$(listeners '[0-9]+')" "${E2E_REGISTRY##*:}"
	touch "$(dirname "$CBUILD_ROOT"/cache/mounts/*/here)/go"
	wait "$BUILD_PID" || fail "$(cat "$T/stderr")"
}

@test "CVE-2023-26054: a password in an address is in no document" {
	printf 'FROM scratch\nADD http://user:s3cr3t-pass@%s/v2/?token=s3cr3t-token /x\n' "$E2E_REGISTRY" >Dockerfile
	expect 0 cbuild --metadata-file "$T/metadata" -vv .
	has_no "$err" s3cr3t-
	! grep -r s3cr3t- "$CBUILD_ROOT" "$T/metadata"
	sed 's#/v2/#/v2/none#' Dockerfile >refused
	expect 4 cbuild --no-cache -vv -f refused .
	has_no "$err" s3cr3t-
}

@test "CVE-2026-33747: a frontend that a Dockerfile names is not fetched and not run" {
	printf '# syntax=127.0.0.1:1/evil/frontend:latest\nFROM scratch\nCOPY Dockerfile /\n' >Dockerfile
	expect 0 cbuild .
}

@test "CVE-2026-33748: the directory of a repository does not lead out of its checkout" {
	git init -q "$T/repo"
	ln -s "$T/victim" "$T/repo/out"
	ln -s ../../../../../.. "$T/repo/up"
	printf 'FROM scratch\nCOPY . /\n' >"$T/victim/Dockerfile"
	git -C "$T/repo" add .
	git -C "$T/repo" -c user.name=x -c user.email=x@x commit -qm x
	local dir
	for dir in out up .git ../victim; do
		printf 'FROM scratch\nADD file://%s/repo#:%s /\n' "$T" "$dir" >Dockerfile
		run ! cbuild .
		run ! cbuild "file://$T/repo#:$dir"
	done
	rm "$T/victim/Dockerfile"
	victim_is_whole
}

@test "CVE-2026-28406: a context's names stay in its directory, those beside it that begin alike as well" {
	python3 - "$T/context.tar" <<-'EOF2'
	import io, sys, tarfile
	with tarfile.open(sys.argv[1], "w") as tar:
	    for name, data in (("Dockerfile", b"FROM scratch\nCOPY . /\n"), ("../context-evil/x", b"x"), ("a/../../victim/x", b"x")):
	        info = tarfile.TarInfo(name)
	        info.size = len(data)
	        tar.addfile(info, io.BytesIO(data))
	EOF2
	run -2 cbuild - <"$T/context.tar"
	victim_is_whole
	[ -z "$(find "$T" -name 'context-evil*')" ]
}

@test "CVE-2024-21626: a working directory is no descriptor of the builder's" {
	local n
	for n in 3 5 7 8 10; do
		printf 'FROM %s\nWORKDIR /proc/self/fd/%s\nRUN pwd; ls -la . ../../../..; cat ../../../..%s/file\n' "$BUSYBOX" "$n" "$T/victim" >Dockerfile
		run ! cbuild .
		has_no "$output" safe
	done
}

@test "CVE-2019-5736: the program that starts a RUN cannot be overwritten by it" {
	mkdir "$T/bin"
	cp "$E2E_BIN/cbuild" "$T/bin"
	before=$(sha256sum <"$T/bin/cbuild")
	printf '#!/proc/self/exe\n' >script
	chmod +x script
	cat >Dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY script /
	RUN for p in /proc/[0-9]*; do echo overwritten >\$p/exe; for f in \$p/fd/*; do [ \$f -ef /dev/null ] || echo overwritten 2>/dev/null >\$f; done; done 2>/dev/null; true
	RUN ["/script"]
	EOF2
	run ! "$T/bin/cbuild" .
	printf 'FROM %s\nRUN ["/proc/self/exe"]\n' "$BUSYBOX" >Dockerfile
	run ! "$T/bin/cbuild" .
	equal "$(sha256sum <"$T/bin/cbuild")" "$before"
}

@test "CVE-2025-31133, CVE-2025-52565: what an image has at /dev/null or /proc covers nothing of the machine's" {
	evil 'L dev/null /proc/sys/kernel/core_pattern' 'L dev/console ../victim'
	printf 'FROM evil\nRUN test -c /dev/null && ! echo "|/bin/sh" >/proc/sys/kernel/core_pattern && test ! -s /proc/kcore && test ! -s /proc/keys\n' >Dockerfile
	before=$(cat /proc/sys/kernel/core_pattern)
	expect 0 build
	equal "$(cat /proc/sys/kernel/core_pattern)" "$before"
}

@test "CVE-2025-52881: nothing is put over a part of /proc or /sys, by whatever way it is reached" {
	local target isolation
	evil 'L p /proc' 'L q p/self' 'D odd'
	for target in /proc /proc/self/attr /sys/kernel /p/self /q/attr /odd/../proc/sys /c/p/self; do
		printf 'FROM evil\nRUN --mount=type=cache,target=/c ln -sfn /proc /c/p\nRUN --mount=type=cache,target=/c --mount=type=tmpfs,target=%s true\n' \
			"$target" >Dockerfile
		for isolation in ns chroot; do
			run ! build --isolation "$isolation"
			has "$output" 'nothing can be mounted on'
		done
	done
	# what an image has in the place of them is not taken for them
	rm -rf "$T/evil"
	evil 'L proc victim' "L sys $T/victim"
	printf 'FROM evil\nRUN echo x >/proc/file; echo x >/sys/file; true\n' >Dockerfile
	run ! build --isolation ns
	has "$output" "'/proc' in the image is not a directory"
	build --isolation chroot
	victim_is_whole
}

# flips A B...: exchanges A and B all the time, in a process of its own each.
flips() {
	if [ ! -e flip ]; then
		cat >"$T/flip.c" <<-'EOF2'
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>

		int main(int argc, char **argv)
		{
			for (;;) {
				renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE);
				usleep(rand() % 300);
			}
		}
		EOF2
		cc -static -o flip "$T/flip.c"
	fi
	while [ $# -gt 0 ]; do
		./flip "$1" "$2" 3>&- &
		FLIPS="${FLIPS-} $!"
		shift 2
	done
}

@test "CVE-2026-41568, CVE-2026-42306: who exchanges directories and links of a context leads no COPY and no mount out of it" {
	local n name isolation built=0 refused=0
	mkdir -p a b/deep "$T/outside/deep"
	echo mine | tee a/file b/deep/file "$T/outside/deep/file" >/dev/null
	ln -s "$T/victim" link
	ln -s ../victim up
	mkdir c
	echo mine >c/file
	flips a link c up b/deep "$T/outside/deep"
	printf 'flip\n' >.dockerignore
	for isolation in ns chroot; do
		for name in a b c; do
			printf 'FROM %s\nCOPY %s /x\nRUN --mount=source=%s,target=/m cp -r /m /y; cat /y/*\n' \
				"$BUSYBOX" $name $name >Dockerfile
			for n in $(seq 4); do
				if cbuild --no-cache --isolation "$isolation" -o "type=tar,dest=$T/out.tar" . >"$T/stdout" 2>"$T/stderr"; then
					built=$((built + 1))
					! tar -xOf "$T/out.tar" --wildcards 'x/*' 'y/*' 2>/dev/null | grep safe || fail 'a file from outside'
				else
					refused=$((refused + 1))
					has_no "$(cat "$T/stderr")" safe
				fi
			done
		done
	done
	echo "$built built, $refused refused"
	victim_is_whole
	# left alone it is a build as any other, so it was the exchange that was refused
	# shellcheck disable=SC2086 # a list
	kill $FLIPS
	# shellcheck disable=SC2086
	wait $FLIPS 2>/dev/null || :
	FLIPS=
	rm -rf c up
	mkdir c
	echo mine >c/file
	expect 0 cbuild --no-cache -o "type=tar,dest=$T/out.tar" .
	equal "$(tar -xOf "$T/out.tar" y/file)" mine
}

@test "CVE-2026-41568, CVE-2026-42306: a RUN that exchanges what is mounted leads no mount point out of it" {
	local n link isolation
	flips
	for link in "$T/victim" ../../../../../../../..$T/victim; do
		cat >Dockerfile <<-EOF2
		FROM $BUSYBOX AS flips
		COPY flip /bin/
		RUN --mount=type=cache,target=/c rm -rf /c/*; mkdir /c/d; ln -s $link /c/link; \
			(flip /c/d /c/link & while [ ! -e /c/done ]; do touch /c/ready; sleep 0.01; done)
		FROM $BUSYBOX AS mounts
		RUN --mount=type=cache,target=/c while [ ! -e /c/ready ]; do sleep 0.01; done
		EOF2
		for n in $(seq 20); do
			echo "RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/c/d/new$n --mount=type=tmpfs,target=/c/d/empty true"
		done >>Dockerfile
		printf 'RUN --mount=type=cache,target=/c touch /c/done\nFROM scratch\nCOPY --from=flips /etc /1\nCOPY --from=mounts /etc /2\n' >>Dockerfile
		cbuild --no-cache --isolation ns . >"$T/stdout" 2>"$T/stderr" || :
		victim_is_whole
		# as it is, and not only now and then
		printf 'FROM %s\nRUN --mount=type=cache,target=/c rm -rf /c/*; ln -s %s /c/d\nRUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/c/d/new true\n' \
			"$BUSYBOX" "$link" >Dockerfile
		for isolation in ns chroot; do
			cbuild --no-cache --isolation "$isolation" . >"$T/stdout" 2>"$T/stderr" || :
			victim_is_whole
		done
	done
}
