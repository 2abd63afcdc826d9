# The toolkit's own image: what `make image` makes, where GitLab's runner would start it.
load helper
load job

setup_file() {
	job_image
}

setup() {
	begin
}

@test "the image is under 25 MB, unpacked too, and all of it lies in one folder" {
	unpack "$LAYOUT" "$T/tree" "$(jq -r '.manifests[0].digest' "$LAYOUT/index.json")"
	[ "$(du -s --apparent-size -B1 "$T/tree" | cut -f1)" -lt 25000000 ] || fail "$(du -ab "$T/tree" | sort -n | tail)"
	# what a stage's tree takes the place of is cheap to put aside
	equal "$(find "$T/tree" -mindepth 1 -path "$T/tree/cbuild" -prune -o -printf '%y %P\n' | sort | tr '\n' ' ')" \
		'd etc f etc/group f etc/passwd l bin l busybox l tmp '
	equal "$(readlink "$T/tree/bin" "$T/tree/busybox" "$T/tree/tmp" | tr '\n' ' ')" 'cbuild/bin cbuild/bin cbuild/tmp '
}

@test "the image made again has the same digest" {
	local first
	first=$(jq -r '.manifests[0].digest' "$LAYOUT/index.json")
	expect 0 "${MAKE_AFRESH[@]}" -C "$TOP" image IMAGE="$T/again"
	equal "$(tail -n 1 <<<"$out")" "$T/again"
	equal "$(jq -r '.manifests[0].digest' "$T/again/index.json")" "$first"
}

@test "GitLab's runner finds a shell in it, and the script all three tools" {
	job <<-'EOF'
	set -e
	cd /builds/group/app
	cbuild --version
	cpush --version
	cdeploy --version
	echo "$0 $CBUILD_ROOT"
	for tool in grep tar sed mktemp; do command -v $tool; done
	mktemp >/dev/null
	printf '#!/bin/sh\necho script runs\n' >s && chmod +x s && ./s
	EOF
	equal "$(head -n 3 <<<"$out" | tr '\n' ' ')" "$(for tool in cbuild cpush cdeploy; do "$tool" --version; done | tr '\n' ' ')"
	has "$out" '/bin/sh /cbuild/state'
	has "$out" 'script runs'
}

@test "in it, with docker's defaults, an image without RUN is built and pushed" {
	job <<-EOF
	set -e
	cd /builds/group/app
	printf 'FROM $BUSYBOX\nCOPY hello /hello\nCMD ["/hello"]\n' >Dockerfile
	printf '#!/bin/sh\necho hello from the job\n' >hello
	chmod 755 hello
	cbuild -q -t $REPO:1 .
	cpush -q $REPO:1
	EOF
	expect 0 engine run --rm "$REPO:1"
	equal "$out" 'hello from the job'
}

@test "a user who is not root builds in it, too" {
	job --user 4242:4242 <<-EOF
	set -e
	cd /tmp && mkdir app && cd app
	printf 'FROM $BUSYBOX\nCOPY Dockerfile /\n' >Dockerfile
	cbuild -q --push -t $REPO:user .
	EOF
	expect 0 engine run --rm "$REPO:user" ls /Dockerfile
}

# A tree whose owner would like to run code in the program that works in it: by glibc's name
# services and by OpenSSL's configuration.
hostile_tree() {
	mkdir -p "$T/tree/etc" "$T/tree/lib/x86_64-linux-gnu" "$T/tree/usr/lib/ssl" "$T/tree/work" "$T/tree/tmp"
	cp "$STATIC/bin/cbuild" "$T/tree/cbuild"
	cat >"$T/evil.c" <<-'EOF'
	__attribute__((constructor)) static void mark(void)
	{
		register long flags __asm__("rdx") = 0644;
		long r;

		__asm__ volatile("syscall" : "=a"(r) : "a"(85), "D"("/loaded"), "S"(flags), "d"(flags)
			: "rcx", "r11", "memory");
	}
	EOF
	cc -shared -nostdlib -fPIC -o "$T/tree/lib/x86_64-linux-gnu/libnss_evil.so.2" "$T/evil.c"
	cp "$T/tree/lib/x86_64-linux-gnu/libnss_evil.so.2" "$T/tree/lib/"
	printf 'hosts: evil files\npasswd: evil\nservices: evil\n' >"$T/tree/etc/nsswitch.conf"
	printf '127.0.0.1 registry.test\n' >"$T/tree/etc/hosts"
	printf 'openssl_conf = a\n[a]\nproviders = b\n[b]\nevil = c\n[c]\nmodule = %s\nactivate = 1\n' \
		/lib/libnss_evil.so.2 >"$T/tree/usr/lib/ssl/openssl.cnf"
}

@test "names are looked up and nothing is loaded, whatever the tree around it asks for" {
	[ "$(uname -m)" = x86_64 ] || skip 'the module of this test is for x86-64'
	local registry=registry.test:${E2E_REGISTRY##*:}
	hostile_tree
	printf 'FROM %s/busybox:1\nCOPY Dockerfile /\n' "$registry" >"$T/tree/work/Dockerfile"
	expect 0 env -i /usr/sbin/chroot "$T/tree" /cbuild --root /root --plain-http "$registry" -t x /work
	[ ! -e "$T/tree/loaded" ] || fail 'a module was loaded'
	# and could not be: there is no loader in it
	for tool in cbuild cpush cdeploy; do
		has_no "$(nm "$STATIC/bin/$tool")" ' _dl_open'
		has_no "$(nm "$STATIC/bin/$tool")" ' iconv_open'
		has_no "$(readelf -lW "$STATIC/bin/$tool")" INTERP
	done
}

@test "in it, with docker's defaults, RUN has the stage as its root, and the job has its own again after it" {
	job <<-EOF
	set -e
	cd /builds/group/app
	printf 'FROM $BUSYBOX\nRUN ls /bin/busybox && echo made >/made; rm -rf /etc/group\n' >Dockerfile
	cbuild --progress=plain --push -t $REPO:run .
	readlink /bin
	grep -c root /etc/group
	EOF
	has "$out" 'cbuild/bin
1'
	expect 0 engine run --rm "$REPO:run" cat /made
	equal "$out" made
	expect 1 engine run --rm "$REPO:run" ls /etc/group
}
