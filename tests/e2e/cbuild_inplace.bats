# RUN in an ordinary container: docker's default capabilities and filter, no mounts, no namespaces.
load helper
load sandboxes
load job

setup_file() {
	job_image
	sandboxes_prepare
}

setup() {
	begin
	seconds=$((100000 + RANDOM * 10 + BATS_TEST_NUMBER))
	app=$T/builds/group/app
	mkdir -p "$app"
}

teardown() {
	[ -z "${container-}" ] || engine rm -f "$container" >/dev/null 2>&1 || :
}

# What the job has of its own below a directory of the image: VOLUMES of the container, FROM:TO each.
job_volume() {
	mkdir "$T/volume"
	echo mine >"$T/volume/file"
	VOLUMES="$T/volume:/opt/job $SANDBOXES:$SANDBOXES"
}

job_volume_is_whole() {
	equal "$(cd "$T/volume" && cat *)" mine
}

@test "what breaks sandboxes makes the same images in place, builds at the same time take turns" {
	sandboxes_begin
	job_volume
	in_docker=(docker -H "$E2E_ENGINE" run --rm --network host -e SOURCE_DATE_EPOCH)
	for volume in $VOLUMES; do
		in_docker+=(-v "$volume")
	done
	in_docker+=(-w "$SANDBOXES/src" "$TOOLS")
	sandboxes_same 'inplace (' "${in_docker[@]}" "${all[@]}" /cbuild/bin/cbuild
	has "$(cat "$SANDBOXES"/built/*.err)" 'waiting for another build in this container'
	sandboxes_network 7 "${in_docker[@]}" cbuild
	job_volume_is_whole
}

@test "and without docker, under the same filter, with and without openat2" {
	local root=$T/container refused nr=0
	sandboxes_begin
	job_volume
	container_files "$root"
	for refused in '' openat2=ENOSYS openat2=EPERM; do
		nr=$((nr + 1))
		REFUSED=$refused sandboxes_same 'inplace (' container_without_engine "$root" \
			"export SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH
			$LIST; list >/builds/before; \"\$@\" || exit; list >/builds/after" \
			"${all[@]}" /cbuild/bin/cbuild --root "/cbuild/state/$nr"
		# a directory that had many names may stay large
		sed -i 's,^\(/ directory [^ ]* [^ ]*\) [0-9]*,\1,' "$T/builds/before" "$T/builds/after"
		expect 0 diff "$T/builds/before" "$T/builds/after"
		job_volume_is_whole
	done
}

@test "two builds and one that fails in one job: the job's own files are as they were" {
	printf 'FROM %s\nRUN echo built >/file && rm -r /www && mkdir /builds2\n' "$BUSYBOX" >"$app/Dockerfile"
	printf 'FROM %s\nRUN mkdir /etc/own && rm /bin/sh && exit 3\n' "$BUSYBOX" >"$app/Dockerfile.fails"
	job <<-EOF
	set -e
	cd /builds/group/app
	$LIST
	list >/builds/before
	cbuild -q -t $REPO:1 .
	cpush -q $REPO:1
	cbuild -q -f Dockerfile.fails . && exit 1 || echo "failed with \$?"
	cbuild -q -t $REPO:2 .
	list >/builds/after
	ls /cbuild/inplace/trees
	cat /etc/hosts | wc -l
	sh -c 'echo after_script runs'
	EOF
	has "$out" 'failed with 1'
	has "$out" 'after_script runs'
	expect 0 diff "$T/builds/before" "$T/builds/after"
	expect 0 engine run --rm "$REPO:1" ls / /file
	has_no "$out" www
	has_no "$out" cbuild
	has "$out" builds2
}

@test "a container whose directories are its image's gets them back, too" {
	mkdir -p own/usr/lib/deep own/opt/empty
	echo lib >own/usr/lib/deep/file
	ln own/usr/lib/deep/file own/usr/lib/other
	ln -s deep own/usr/lib/link
	chmod 1770 own/opt/empty
	printf 'FROM %s\nCOPY own /\n' "$TOOLS" >Dockerfile
	expect 0 cbuild -q --push -t "$REPO:tools" .
	printf 'FROM %s\nRUN ! test -e /opt && ! test -e /usr/lib/other\nRUN mkdir /opt\n' "$BUSYBOX" >"$app/Dockerfile"
	TOOLS=$REPO:tools job <<-EOF
	set -e
	cd /builds/group/app
	$LIST
	list >/builds/before
	cbuild -q .
	list >/builds/after
	EOF
	has "$(cat "$T/builds/after")" '/usr/lib/other regular file 644 0:0 4'
	# a name that was copied up may be a file of its own before, and is none after
	expect 0 diff "$T/builds/before" "$T/builds/after"
}

@test "RUN sees nothing of the job's secrets" {
	cat >"$app/Dockerfile" <<-EOF
	FROM $BUSYBOX
	RUN env; for p in /proc/[0-9]*; do cat \$p/environ; head -c 1 \$p/mem; ls \$p/root/ \$p/fd \$p/cwd/; done >/seen 2>&1; cat /proc/1/mem; true
	RUN tr '\\0' '\\n' </seen; test "\$(grep -c "'/proc/1/environ': Permission denied" /seen)" = 1
	EOF
	job -e CI_JOB_TOKEN=geh-eim-42 -e DOCKER_AUTH_CONFIG='{"auths":{"r.test":{"auth":"Z2VoLWVpbTo0Mg=="}}}' <<-EOF
	cd /builds/group/app && cbuild .
	EOF
	has_no "$err" geh-eim
	has_no "$err" CI_JOB
	has "$err" 'isolation: inplace'
	has "$err" "can't open '/proc/1/mem': Permission denied"
}

@test "an image's own /builds, /cbuild and /etc/hosts stay in it, out of sight of RUN" {
	mkdir -p "$app/tree/builds/x" "$app/tree/cbuild" "$app/tree/etc"
	echo image >"$app/tree/builds/x/f"
	echo image >"$app/tree/cbuild/f"
	echo image >"$app/tree/etc/hosts"
	printf 'FROM %s AS base\nCOPY tree /\nFROM base\nRUN ! test -e /builds/x && grep -q localhost /etc/hosts && echo edit >>/etc/hosts && ! rm -rf /etc && echo kept >/etc/new\n' \
		"$BUSYBOX" >"$app/Dockerfile"
	job <<-EOF
	set -e
	cd /builds/group/app
	cbuild -t $REPO:1 .
	cpush -q $REPO:1
	! grep edit /etc/hosts
	EOF
	has "$err" "RUN does not see the image's own '/builds'"
	has "$err" "RUN does not see the image's own '/cbuild'"
	mkdir empty
	echo "FROM $REPO:1" >empty/Dockerfile
	expect 0 cbuild --pull -o "$T/files" empty
	equal "$(cat "$T/files/builds/x/f" "$T/files/cbuild/f" "$T/files/etc/hosts" "$T/files/etc/new" | tr '\n' ' ')" \
		'image image image kept '
	expect 0 engine run --rm "$REPO:1" ls /etc
	has_no "$out" passwd
}

@test "a RUN that changes the job's own tools fails the build" {
	printf 'FROM %s\nRUN echo x >>/cbuild/etc/ca-certificates.crt\n' "$BUSYBOX" >"$app/Dockerfile"
	job_status=1 job <<-EOF
	cd /builds/group/app && cbuild .
	EOF
	has "$err" "'/cbuild/etc/ca-certificates.crt' is not what it was"
}

# A job that goes on when its build has ended, as GitLab's shell does.
start_job() {
	printf 'FROM %s\nRUN trap "touch /builds/asked" TERM; setsid sleep %s & while :; do wait; done\n' "$BUSYBOX" "$seconds" >"$app/Dockerfile"
	container=$(engine run -d --network host -v "$T/builds:/builds" -w /builds/group/app "$TOOLS" sh -c '
		cbuild . >/builds/out 2>/builds/err &
		echo $! >/builds/pid
		wait $!
		echo $? >/builds/status
		exec sleep 1000000')
	until_true sleeps
	expect 1 engine exec "$container" /cbuild/bin/sh -c 'test -e /bin/cbuild'
}
sleeps() {
	[ ! -e "$T/builds/status" ] || fail "the build has ended: $(cat "$T/builds/err")"
	pgrep -f "^sleep $seconds\$" >/dev/null
}
no_sleeper() {
	! pgrep -f "^sleep $seconds\$" >/dev/null
}
signal() {
	expect 0 engine exec "$container" /cbuild/bin/sh -c "kill -$1 $(cat "$T/builds/pid")"
}
job_is_whole() {
	expect 0 engine exec "$container" sh -c 'ls -l /bin /cbuild/inplace/trees /cbuild/state/tmp /cbuild/inplace && cat /etc/passwd'
	has "$out" '/bin -> cbuild/bin'
	has_no "$out" build-
	has_no "$out" journal
	has_no "$out" aside
}

@test "SIGTERM in the middle of RUN: the job's own files are back" {
	start_job
	signal TERM
	until_true test -s "$T/builds/status"
	equal "$(cat "$T/builds/status")" 143
	no_sleeper || fail 'the command still runs'
	[ ! -e "$T/builds/asked" ] || fail 'it was asked and waited for'
	job_is_whole
}

@test "kill -9 in the middle of RUN: the next build puts the job's own files back" {
	start_job
	signal KILL
	until_true no_sleeper
	printf 'FROM %s\nRUN touch /fine\n' "$BUSYBOX" >"$app/Dockerfile"
	expect 0 engine exec "$container" /cbuild/bin/cbuild .
	has "$err" 'put back this container'
	job_is_whole
}

@test "kill -9 at any moment: the next build works and the job's own files are as they were" {
	printf 'FROM %s\nRUN echo one\nRUN echo two >>/etc/x\nRUN echo three\nRUN rm -r /www\n' "$BUSYBOX" >"$app/Dockerfile"
	job -e SOURCE_DATE_EPOCH=1 <<-EOF
	cd /builds/group/app
	$LIST
	want=\$(cbuild -q .) || exit 1
	list >/builds/before
	for ms in 05 10 15 20 25 30 35 40; do
		sed "s/one/one \$ms/" Dockerfile >/builds/other
		cbuild -q -f /builds/other . >/dev/null &
		/cbuild/bin/busybox sleep 0.\$ms
		kill -9 \$!
		wait
		got=\$(/cbuild/bin/cbuild -q --no-cache .) || exit 2
		[ "\$got" = "\$want" ] || exit 3
	done
	list >/builds/after
	EOF
	expect 0 diff "$T/builds/before" "$T/builds/after"
}

@test "a Debian: packages are configured, users and libraries are made known" {
	cat >"$app/Dockerfile" <<-EOF
	FROM $("$E2E_SERVERS/base" push "$E2E_REGISTRY")
	RUN useradd -m someone && ldconfig && su someone -c 'id -un >~/name' && dpkg --configure -a && \
		bash -c 'cat <(echo "of a pipe")' && df / >/dev/null && dpkg -L dash | head -n 2
	USER someone
	RUN cat ~/name && ! ls /cbuild/inplace && perl -e 'print "perl \$]\n"'
	EOF
	job <<-EOF
	cd /builds/group/app && cbuild .
	EOF
	has "$err" someone
	has "$err" 'of a pipe'
}

@test "a machine is no container: it is refused, and what would be done is not" {
	printf 'FROM %s\nRUN true\n' "$BUSYBOX" >Dockerfile
	cp /bin/sh "$T/init"
	expect 7 unshare --mount --pid --fork --mount-proc "$T/init" -c 'cbuild --isolation=inplace .; exit $?'
	message cbuild Dockerfile:2 --isolation=inplace "'init'" CBUILD_INPLACE
	[ ! -e /.cbuild ] || fail 'it has begun'
}
