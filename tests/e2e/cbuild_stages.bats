# Stages: side by side, what a base has left to do, several platforms.

load helper

setup() {
	begin
	store=$CBUILD_ROOT/store
}

@test "stages that do not read each other run at once" {
	# each waits for the other, on the network that they share
	port=$((20000 + RANDOM % 20000))
	dockerfile <<-EOF2
	FROM $BUSYBOX AS listens
	RUN timeout 30 nc -l -p $port >/got </dev/null
	FROM $BUSYBOX AS speaks
	RUN n=0; until echo hello | nc 127.0.0.1 $port; do n=\$((n + 1)); [ \$n -lt 300 ] || exit 1; sleep 0.1; done; touch /said
	FROM scratch
	COPY --from=listens /got /
	COPY --from=speaks /said /
	EOF2
	expect 0 cbuild --jobs 2 .
	unpack "$store" "$T/tree" "$out"
	equal "$(cat "$T/tree/got")" hello
	nothing_in_tmp
}

@test "the first stage that fails ends the others at once, and is the one that is told" {
	dockerfile <<-EOF2
	FROM $BUSYBOX AS slow
	RUN sleep 300
	FROM $BUSYBOX AS wrong
	RUN sleep 1; exit 7
	FROM scratch
	COPY --from=slow / /
	COPY --from=wrong / /
	EOF2
	SECONDS=0
	expect 1 cbuild .
	[ "$SECONDS" -lt 120 ] || fail "took $SECONDS s"
	message cbuild 'Dockerfile:4: RUN sleep 1; exit 7' 'exit status 7'
	nothing_in_tmp
	[ -z "$(ls "$store" 2>/dev/null)" ]
}

@test "the image is the same for any --jobs" {
	echo 1 >a
	dockerfile <<-EOF2
	FROM $BUSYBOX AS x
	RUN echo x >/x
	FROM $BUSYBOX AS y
	COPY a /b/
	RUN echo y >/y
	FROM x AS z
	COPY --from=y /y /b/a /
	RUN echo z >/z
	FROM z
	COPY --from=y /b /b
	COPY --from=x /x /x2
	EOF2
	expect 0 cbuild --source-date-epoch 1700000000 --jobs 1 .
	first=$out
	for jobs in 2 8; do
		expect 0 cbuild --source-date-epoch 1700000000 --jobs $jobs --root "$T/root-$jobs" .
		equal "$out" "$first" "--jobs $jobs"
	done
}

@test "triggers of an image in a registry come first, and see the stages of who is FROM it" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	ONBUILD COPY --from=tools /tool /tool
	ONBUILD RUN cat /tool >/copied
	EOF2
	expect 0 cbuild -t "$REPO/onbuild" .
	expect 0 cpush "$REPO/onbuild"
	rm -r "$CBUILD_ROOT"
	dockerfile <<-EOF2
	FROM $BUSYBOX AS tools
	RUN echo tool >/tool
	FROM $REPO/onbuild
	RUN test -s /copied
	EOF2
	expect 0 cbuild .
	equal "$(config "$store" "$out" '.config.OnBuild // "none"')" none
	equal "$(config "$store" "$out" '[.history[-3:][].created_by] | join("|")')" \
		'COPY /tool /tool # buildkit|RUN /bin/sh -c cat /tool >/copied # buildkit|RUN /bin/sh -c test -s /copied # buildkit'

	printf 'FROM %s AS tools\nFROM %s\n' "$BUSYBOX" "$REPO/onbuild" >Dockerfile
	expect 2 cbuild .
	message cbuild "Dockerfile:2: ONBUILD of image '$REPO/onbuild': COPY --from=tools /tool /tool"
}

@test "several platforms are one index, which others can read and take their own from" {
	echo arm >arm64
	echo amd >amd64
	printf 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /arch\n' >Dockerfile
	expect 0 cbuild --platform linux/arm64,linux/amd64 -t "$REPO:multi" \
		-o "type=oci,dest=$T/layout,tar=false" -o type=image .
	equal "$(skopeo inspect --raw "oci:$T/layout:multi" | jq -r '[.manifests[].platform.architecture] | join(" ")')" \
		'arm64 amd64'
	expect 0 cpush "$REPO:multi"
	index=$out
	expect 0 skopeo inspect --tls-verify=false --override-arch arm64 "docker://$REPO:multi"
	equal "$(jq -r .Architecture <<<"$out")" arm64
	rm -r "$CBUILD_ROOT"

	printf 'FROM --platform=linux/arm64 %s\nENV A=1\n' "$REPO@${index##*@}" >Dockerfile
	expect 0 cbuild .
	equal "$(config "$store" "$out" .architecture)" arm64
	unpack "$store" "$T/tree" "$out"
	equal "$(cat "$T/tree/arch")" arm
}

@test "a RUN for a machine that this one cannot be is refused before anything is built" {
	printf 'FROM scratch AS x\nCOPY no /\nFROM scratch\nCOPY --from=x no /\nRUN make\n' >Dockerfile
	expect 7 cbuild --platform linux/sparc64 .
	message cbuild 'Dockerfile:5: RUN' 'linux/sparc64' qemu-user-static
	expect 2 cbuild --platform 'linux/' .
	message cbuild '--platform'
	nothing_in_tmp
}

@test "a failed RUN is told once, at the end: its last output, the line, the command, the status" {
	dockerfile <<-EOF2
	FROM $BUSYBOX AS wrong
	RUN echo compiling; sleep 1; echo 'a.c:7: no semicolon' >&2; exit 2
	FROM $BUSYBOX AS talks
	RUN while sleep .1; do echo and on; done
	FROM scratch
	COPY --from=wrong / /
	COPY --from=talks / /
	EOF2
	expect 1 cbuild --progress=plain .
	message cbuild 'Dockerfile:2: RUN echo compiling' 'exit status 2'
	equal "$(grep -c 'exit status' <<<"$err")" 1
	has "$(tail -n 6 <<<"$err")" "the last output of [wrong 2/2]:
  compiling
  a.c:7: no semicolon
Dockerfile:2
     2 | RUN echo compiling;"

	# alone, the log ends with its output anyway; and what a shell says of a signal is explained
	printf 'FROM %s\nRUN echo once; sh -c "kill -9 \\$\\$"; exit $?\n' "$BUSYBOX" >Dockerfile
	expect 1 cbuild --progress=plain .
	message cbuild 'exit status 137 (128 + 9: SIGKILL); that is what the kernel does when memory runs out'
	equal "$(grep -c '^  once' <<<"$err")" 1
	expect 1 cbuild -q .
	has "$err" "  once
  Killed
Dockerfile:2"
	printf 'FROM %s\nRUN echo begun; sleep 300\n' "$BUSYBOX" >Dockerfile
	expect 6 cbuild --timeout 1s .
	message cbuild 'Dockerfile:2: RUN echo begun; sleep 300' 'its limit of 1 s (--timeout)'
}

@test "seventy RUNs in a stage, and what one deletes another makes again" {
	{
		echo "FROM $BUSYBOX AS long"
		for n in $(seq 70); do
			echo "RUN echo $n >/f$n; rm -f /f$((n - 1)); rm -rf /d && mkdir /d && echo $n >/d/$n; echo $n >/same"
		done
		printf 'FROM long\nRUN ls / | grep ^f >/seen; ls /d >>/seen; cat /same >>/seen\n'
	} >Dockerfile
	expect 0 cbuild .
	unpack "$CBUILD_ROOT/store" "$T/tree" "$out"
	equal "$(cat "$T/tree/seen")" "$(printf 'f70\n70\n70')"
}
