#!/usr/bin/env python3
"""An image nobody should trust: a layout's image with layers of our own on top.

    hostile.py LAYOUT OUT ENTRY... [-- ENTRY...]

An ENTRY is "KIND PATH [TEXT]": F a file with that text, Z one of so many zeros, D a directory, L a symbolic link, H a hard link, P a
pipe, C a device "MAJOR:MINOR". "--" begins another layer. "X config TEXT" and "X manifest TEXT" are no entries: that
document is the text then. The image is OUT:1.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile

KINDS = {
    "F": tarfile.REGTYPE,
    "Z": tarfile.REGTYPE,
    "D": tarfile.DIRTYPE,
    "L": tarfile.SYMTYPE,
    "H": tarfile.LNKTYPE,
    "P": tarfile.FIFOTYPE,
    "C": tarfile.CHRTYPE,
}


def layer(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for entry in entries:
            kind, path, text = (entry.split(" ", 2) + [""])[:3]
            info = tarfile.TarInfo(path)
            info.type = KINDS[kind]
            info.mode = 0o755
            data = text.encode() if kind == "F" else bytes(int(text)) if kind == "Z" else b""
            info.size = len(data)
            if kind in "LH":
                info.linkname = text
            if kind == "C":
                info.devmajor, info.devminor = map(int, text.split(":"))
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def main(layout, out, args):
    shutil.copytree(layout, out)
    blobs = os.path.join(out, "blobs", "sha256")

    def read(desc):
        with open(os.path.join(blobs, desc["digest"].split(":")[1])) as f:
            return json.load(f)

    def put(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as f:
            f.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    with open(os.path.join(out, "index.json")) as f:
        index = json.load(f)
    manifest = read(index["manifests"][0])
    config = read(manifest["config"])
    layers, texts = [[]], {}
    for arg in args:
        if arg.startswith("X "):
            _, name, texts[name] = arg.split(" ", 2)
        elif arg == "--":
            layers.append([])
        else:
            layers[-1].append(arg)
    for entries in layers:
        tar = layer(entries)
        media_type = "application/vnd.oci.image.layer.v1.tar+gzip"
        manifest["layers"].append(put(gzip.compress(tar, mtime=0), media_type))
        config["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(tar).hexdigest())
    def document(name, value):
        return texts.get(name, json.dumps(value)).encode()

    manifest["config"] = put(document("config", config), manifest["config"]["mediaType"])
    annotations = index["manifests"][0].get("annotations", {})
    index["manifests"] = [put(document("manifest", manifest), index["manifests"][0]["mediaType"])]
    index["manifests"][0]["annotations"] = annotations
    with open(os.path.join(out, "index.json"), "w") as f:
        json.dump(index, f)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
