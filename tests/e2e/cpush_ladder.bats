# Registries, and what stands before them, that do not take a blob in one PUT; and pushes that are ended.

load helper

setup() {
	begin
	proxy=$("$E2E_SERVERS/faults" start "$T/faults" "$E2E_REGISTRY")
	mkdir "$T/tree"
}

teardown() {
	"$E2E_SERVERS/faults" stop "$T/faults"
}

# An image in $T/one whose layer is of about this many bytes, which do not pack.
image() {
	head -c "$1" /dev/urandom >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/one" 1
	digest=$(jq -r '.manifests[0].digest' "$T/one/index.json")
}

rules() {
	printf '%s\n' "$@" >"$T/faults/rules"
}

logged() {
	grep -cE "$1" "$T/faults/log" || :
}

pushed() {
	equal "$out" "$proxy/$NAME@$digest"
	skopeo copy -q --src-tls-verify=false "docker://$REPO:1" "oci:$T/back:1"
}

@test "a registry that answers 404 to a PUT with a body gets a PATCH" {
	image 1000
	rules 'PUT /blobs/uploads/ * if:body>0 reply 404 body="{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}"'
	expect 0 cpush -j 1 "$T/one" "$proxy/$NAME:1"
	pushed
	# it is learnt once
	equal "$(logged '^PUT .*/blobs/.*body=[1-9]')" 1
	equal "$(logged '^PATCH ')" 2
}

@test "a proxy that takes no more than 200000 bytes gets smaller pieces" {
	image 1000000
	rules 'PUT,PATCH /blobs/uploads/ * if:body>200000 reply 413'
	expect 0 cpush "$T/one" "$proxy/$NAME:1"
	pushed
	[ "$(logged '^PATCH .*body=[0-9]+ 202')" -ge 5 ] || fail "$(cat "$T/faults/log")"
}

@test "--chunk-size cuts larger blobs, and not smaller ones" {
	image 1000000
	expect 0 cpush --chunk-size 256k "$T/one" "$proxy/$NAME:1"
	pushed
	equal "$(logged '^PATCH ')" 4
	equal "$(logged '^PUT .*/blobs/.*body=[1-9]')" 1
	expect 2 cpush --chunk-size 1k "$T/one" "$proxy/$NAME:2"
	message cpush --chunk-size 1k 64k 256m
}

@test "a line that breaks amid the body twice gets pieces" {
	image 20000000
	rules 'PUT /blobs/uploads/ * if:body>1000000 cut-request 1000000'
	expect 0 cpush "$T/one" "$proxy/$NAME:1"
	pushed
	has "$err" 'retrying in'
	[ "$(logged '^PATCH ')" -ge 2 ] || fail "$(cat "$T/faults/log")"
}

@test "a piece whose answer is lost begins the blob anew where the registry cannot tell" {
	image 1000000
	rules 'PATCH /blobs/uploads/ 2 swallow'
	expect 0 cpush --chunk-size 256k "$T/one" "$proxy/$NAME:1"
	pushed
}

begun() {
	[ "$(logged '^POST .* 202')" -eq 2 ]
}

@test "SIGTERM amid a blob gives the upload up at the registry, and is status 143" {
	image 5000000
	rules 'PUT /blobs/uploads/ * if:body>1000000 hang-request 100000'
	cpush "$T/one" "$proxy/$NAME:1" >"$T/stdout" 2>"$T/stderr" 3>&- &
	pid=$!
	# the proxy tells of a request when it is over: of the two that have begun an upload
	until_true begun
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	equal "$got" 143 "$(cat "$T/stderr")"
	equal "$(cat "$T/stdout")" ''
	equal "$(logged '^DELETE .*/blobs/uploads/')" 1
	! remote_digest "$REPO:1" 2>/dev/null || fail 'the tag is there'
	[ ! -e "$CBUILD_ROOT/cache/pushed" ] || fail 'it is noted as pushed'
}

@test "all tries of a request are one budget, told line by line, and end in status 5" {
	image 1000
	rules 'POST /blobs/uploads/ * reply 503 "Retry-After: 1" body="overloaded"'
	expect 5 cpush -j 1 --retries 2 "$T/one" "$proxy/$NAME:1"
	message cpush '503 Service Unavailable (3 tries): overloaded'
	# and once without the mount, which may be what it stumbles over
	equal "$(logged "^POST .*mount=")" 3
	equal "$(logged "^POST ")" 4
	has "$err" 'retrying in 1 s (1 of 2): 503 Service Unavailable'
	has "$err" 'retrying in 1 s (2 of 2): 503 Service Unavailable'
	rules 'POST /blobs/uploads/ * reply 429 "Retry-After: 3600"'
	expect 5 cpush -j 1 "$T/one" "$proxy/$NAME:1"
	message cpush '429' 'wait 3600 s'
	equal "$(logged "^POST ")" 5
}

# layers COUNT: an image of so many layers, the first of them empty and the second of one byte
layers() {
	python3 -c '
import hashlib, json, os, sys
root, n = sys.argv[1], int(sys.argv[2])
os.makedirs(root + "/blobs/sha256")
def put(kind, data):
    d = hashlib.sha256(data).hexdigest()
    open(f"{root}/blobs/sha256/{d}", "wb").write(data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + d, "size": len(data)}
layers = [put("layer.v1.tar", b"" if i == 0 else b"x" if i == 1 else b"layer %d" % i) for i in range(n)]
config = put("config.v1+json", json.dumps({"architecture": "amd64", "os": "linux", "n": n,
             "rootfs": {"type": "layers", "diff_ids": []}}).encode())
manifest = put("manifest.v1+json", json.dumps({"schemaVersion": 2, "config": config, "layers": layers,
               "mediaType": "application/vnd.oci.image.manifest.v1+json"}).encode())
json.dump({"schemaVersion": 2, "manifests": [manifest]}, open(root + "/index.json", "w"))
open(root + "/oci-layout", "w").write("{\"imageLayoutVersion\":\"1.0.0\"}")
print(manifest["digest"])' "$T/layers-$1" "$1"
}

@test "images of no layer, of an empty one and one of a byte, and of 500" {
	for n in 0 2 500; do
		digest=$(layers "$n")
		expect 0 cpush "$T/layers-$n" "$REPO:$n"
		equal "$(remote_digest "$REPO:$n")" "$digest"
	done
}
