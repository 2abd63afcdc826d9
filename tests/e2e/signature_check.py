#!/usr/bin/env python3
"""What containers/image asks of a signature in cosign's form, written down apart from ours.

    signature_check.py REGISTRY REPOSITORY DIGEST PUBLIC-KEY REFERENCE

Fetches the tag sha256-….sig and ends with 0 when one of its signatures is sound: the type of the layer, the
annotation, the signature (by openssl), exactly the known keys, the digest, the name.
"""
import base64
import hashlib
import json
import subprocess
import sys
import tempfile
import urllib.request

registry, repository, digest, key, reference = sys.argv[1:]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def get(path, accept="*/*"):
    request = urllib.request.Request(f"http://{registry}/v2/{repository}/{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def once(pairs):
    """No key twice."""
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)


def openssl_says(payload, signature):
    with tempfile.NamedTemporaryFile() as text, tempfile.NamedTemporaryFile() as sig:
        text.write(payload)
        text.flush()
        sig.write(signature)
        sig.flush()
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", key, "-signature", sig.name, text.name],
                              capture_output=True, text=True)
        return done.returncode == 0 and done.stdout.strip() == "Verified OK"


def is_sound(layer):
    assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json", layer
    payload = get("blobs/" + layer["digest"])
    assert "sha256:" + hashlib.sha256(payload).hexdigest() == layer["digest"]
    assert len(payload) == layer["size"]
    signature = base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"], validate=True)
    if not openssl_says(payload, signature):
        return False
    said = json.loads(payload, object_pairs_hook=once)
    assert set(said) == {"critical", "optional"}, said
    assert set(said["critical"]) == {"identity", "image", "type"}, said
    assert said["critical"]["type"] == "cosign container image signature"
    assert said["critical"]["image"] == {"docker-manifest-digest": digest}, said
    return said["critical"]["identity"] == {"docker-reference": reference}


manifest = json.loads(get("manifests/" + digest.replace(":", "-") + ".sig", MANIFEST), object_pairs_hook=once)
assert manifest["mediaType"] == MANIFEST and manifest["schemaVersion"] == 2, manifest
config = json.loads(get("blobs/" + manifest["config"]["digest"]))
assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]], config
sys.exit(0 if any([is_sound(layer) for layer in manifest["layers"]]) else 1)
