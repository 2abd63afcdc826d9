# Where a stage is one directory that is changed in place: its layers are what they are in an overlay.

load helper

setup() {
	begin
	export SOURCE_DATE_EPOCH=1700000000
	mkdir -p tree/sub/deep
	echo one >tree/one
	ln tree/one tree/also
	echo deep >tree/sub/deep/file
	ln -s deep/file tree/sub/link
}

# same OPTION...: the build of ./Dockerfile in one directory is the one over an overlay.
same() {
	expect 0 cbuild --root "$T/overlay" --isolation=ns "$@" .
	want=$out
	expect 0 cbuild --isolation=chroot "$@" .
	equal "$out" "$want" 'the digest over an overlay'
	nothing_in_tmp
	# no copy of a base stays that nobody would use
	[ -z "$(ls "$CBUILD_ROOT/cache/trees")" ] || fail 'a base is unpacked in the cache'
}

@test "stages that read each other, COPY between RUNs, directories that WORKDIR makes" {
	dockerfile <<-EOF2
	FROM $BUSYBOX AS make
	WORKDIR /work/here
	COPY tree/ ./
	RUN for n in zoo m aa; do mkdir \$n && echo \$n >\$n/made && ln \$n/made \$n.again; done; rm -r sub
	COPY tree/sub sub
	RUN mv zoo /moved && mkdir zoo && echo x >zoo/x && cat sub/deep/file >zoo/deep
	FROM make AS further
	RUN rm -r /moved/made && chmod 711 /work
	FROM $BUSYBOX
	COPY --from=make /work /work
	COPY --from=further /moved /moved
	WORKDIR /late
	RUN --mount=from=make,target=/m cp /m/moved/made ./ && test ! -e /moved/made
	RUN --mount=from=further,target=/m,rw rm -r /m/work && ls /m >listed
	COPY tree /late
	EOF2
	same
	# what the cache knows has not to be made again
	expect 0 cbuild --isolation=chroot .
	equal "$out" "$want"
}

@test "what is replaced, touched, linked, full of holes, and not a file" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY tree /t
	RUN rm -rf /t/sub && mkdir /t/sub && echo deep >/t/sub/file
	RUN rm -rf /t/sub && echo now-a-file >/t/sub && rm /t/one && mkdir /t/one
	RUN touch -r /t/sub /r && echo NOW-A-FILE >/t/sub && touch -r /r /t/sub && rm /r
	RUN chmod -R 0755 /t /bin && chown -R 0:0 /bin
	RUN ln /t/sub /t/second && ln -s x /t/link && mkfifo /t/fifo && mv /t/fifo /t/sub
	RUN dd if=/dev/zero of=/sparse bs=1 count=1 seek=30M 2>/dev/null
	RUN echo x >>/sparse && : >/none && : >/empty && rm /none
	RUN mkdir "\$(printf '/new\\nline')" && : >"\$(printf '/new\\nline/\\377')"
	RUN rm -rf /t /sparse
	EOF2
	same
}

@test "the bases of others: whiteouts, names of one file, owners" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY --chown=5:6 tree /t
	RUN ln /t/one /t/third && rm /t/also && mkdir /d && touch /d/a /d/b && chmod 4711 /bin/busybox
	RUN rm -r /d && mkdir /d && rm /t/sub/link
	ONBUILD RUN echo on >/t/build
	ONBUILD COPY tree/one /t/sub/
	EOF2
	expect 0 cbuild --root "$T/overlay" --isolation=ns -o "type=oci,dest=$T/base.tar" .
	mkdir "$T/base"
	tar -C "$T/base" -xf "$T/base.tar"
	printf 'FROM base\nRUN ls -lR /t /d | wc -l >/n\nRUN chmod 600 /t/third /t/one\n' >Dockerfile
	same --build-context "base=oci-layout://$T/base"
}

@test "a build that was killed leaves what the next one removes" {
	printf 'FROM %s\nCOPY tree /t\nRUN touch /t/ready; sleep 4713\n' "$BUSYBOX" >Dockerfile
	cbuild --isolation=chroot . >/dev/null 2>&1 &
	BUILD_PID=$!
	until_true sh -c "ls $CBUILD_ROOT/tmp/*/flat-*/t/ready 2>/dev/null | grep -q ."
	kill -9 "$BUILD_PID"
	wait "$BUILD_PID" || :
	until_true sh -c '! pgrep -f "sleep 471[3]"'
	printf 'FROM %s\nRUN test ! -e /t\n' "$BUSYBOX" >Dockerfile
	same
}
