# Layers of several blocks, in every compression, read by other programs than ours.

load helper

# 5 MB: programs, a text, and what cannot be made smaller.
setup() {
	begin
	mkdir app
	cp "$(command -v busybox)" app/program
	seq 300000 >app/numbers
	head -c 1500000 /dev/urandom >app/noise
	sum=$(cat app/program app/numbers app/noise | sha256sum)
	dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY app /app
	CMD ["sh", "-c", "cd /app && cat program numbers noise | sha256sum"]
	EOF2
}

layer_of() {
	jq -r '.layers[-1].digest' <"$1" | cut -d: -f2
}

# The digests of images must not tell how many workers made them.
same_with_any_jobs() {
	export SOURCE_DATE_EPOCH=1700000000
	first=
	for jobs in 1 2 8; do
		expect 0 cbuild --root "$T/root-$jobs" --jobs "$jobs" --compression "$1" -o type=cacheonly .
		equal "$out" "${first:=$out}"
		nothing_in_tmp "$T/root-$jobs"
	done
}

@test "gzip: any number of workers makes the same layer" {
	same_with_any_jobs gzip
}

@test "zstd: any number of workers makes the same layer" {
	same_with_any_jobs zstd
}

@test "a gzip layer of several members is pulled, loaded and unpacked by everybody" {
	expect 0 cbuild -t "$REPO" -o type=registry -o "type=docker,dest=$T/image.tar" \
		-o "type=oci,dest=$T/oci,tar=false" .
	expect 0 engine run --rm "$REPO"
	equal "$out" "$sum" 'pulled'
	engine image rm -f "$REPO" >/dev/null
	expect 0 engine load -i "$T/image.tar"
	expect 0 engine run --rm "$REPO"
	equal "$out" "$sum" 'loaded'
	engine image rm -f "$REPO" >/dev/null
	expect 0 skopeo copy -q --src-tls-verify=false "docker://$REPO" "docker-archive:$T/skopeo.tar"
	skopeo inspect --raw --tls-verify=false "docker://$REPO" >"$T/manifest"
	layer=$T/oci/blobs/sha256/$(layer_of "$T/manifest")
	gzip -t "$layer"
	equal "$(gzip -dc "$layer" | tar -xO app/program app/numbers app/noise | wc -c)" \
		"$(cat app/program app/numbers app/noise | wc -c)"
	python3 -c 'import sys, tarfile
for e in tarfile.open(sys.argv[1], "r:gz"):
    print(e.name, e.size)' "$layer" >"$T/listed"
	has "$(cat "$T/listed")" 'app/numbers 1988895'
}

@test "a zstd layer goes through a registry, and is read as the same files" {
	expect 0 cbuild -t "$REPO" --compression zstd --push .
	skopeo inspect --raw --tls-verify=false "docker://$REPO" >"$T/manifest"
	equal "$(jq -r '.layers[-1].mediaType' "$T/manifest")" application/vnd.oci.image.layer.v1.tar+zstd
	# unpacks it, compares it with its diff id, and packs it anew
	expect 0 skopeo copy -q --src-tls-verify=false --dest-compress-format gzip "docker://$REPO" "oci:$T/gzip:1"
	expect 0 skopeo copy -q "oci:$T/gzip:1" "docker-archive:$T/image.tar:$NAME:zstd"
	expect 0 engine load -i "$T/image.tar"
	expect 0 engine run --rm "$NAME:zstd"
	equal "$out" "$sum"
	engine image rm -f "$NAME:zstd" >/dev/null
}

@test "a base with zstd layers is built upon, by COPY --from and by RUN" {
	expect 0 cbuild -t "$REPO:gzip" --push .
	expect 0 skopeo copy -q --src-tls-verify=false --dest-compress-format zstd "docker://$REPO:gzip" "oci:$T/zstd:1"
	expect 0 skopeo copy -q --dest-tls-verify=false "oci:$T/zstd:1" "docker://$REPO:zstd"
	skopeo inspect --raw --tls-verify=false "docker://$REPO:zstd" >"$T/manifest"
	has "$(jq -r '.layers[].mediaType' "$T/manifest")" zstd
	dockerfile <<-EOF2
	FROM $REPO:zstd AS base
	RUN cd /app && cat program numbers noise | sha256sum >/sum
	FROM scratch
	COPY --from=base /sum /
	COPY --from=$REPO:zstd /app/numbers /
	EOF2
	expect 0 cbuild -o "$T/files" .
	equal "$(cat "$T/files/sum")" "$sum"
	cmp app/numbers "$T/files/numbers"
}
