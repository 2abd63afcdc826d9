#!/usr/bin/env python3
"""An image as lines of text that two builders can be compared by.

    describe.py IMAGE [--base IMAGE] [--show mtime,layers]

IMAGE is an OCI layout (a folder, FOLDER@sha256:DIGEST, or a tar of one) or what "docker save"
writes. Printed are the configuration, the history past the base's, and how the merged file tree
differs from the base's: layers applied in order, with whiteouts, hard links and capabilities.
Nothing that depends on compression is printed, no time unless it is asked for, and docker's usual
PATH only where it is not the first of the environment.

    User app                            fields of the configuration, empty ones left out
    history - ENV A=1                   an empty layer
    history + COPY a / # buildkit       a layer
    dir 755 0:0 srv/                    a folder that is new or changed
    file 644 0:0 srv/a 6 "hello\\n"      contents, or the start of their SHA-256
    link 0:0 srv/l -> a
    hard srv/b = srv/a                  another name of a file said above
    fifo 644 0:0 srv/p                  also char and block, with their numbers
    file 755 0:0 p 9 "..." capability=0100   extended attributes, in hexadecimal digits
    gone etc/group                      what the base had
    layer: srv/ srv/a srv/b             (layers) the entries of a new layer, as they lie in the tar

With mtime an entry ends in @TIME, or @now for the last day; a folder of which only the time
differs is then listed, too.
"""

import argparse
import datetime
import hashlib
import io
import json
import os
import sys
import tarfile
import time

ATTRIBUTE = "SCHILY.xattr."
CAPABILITY = "security.capability"
USUAL_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KINDS = {tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "link", tarfile.FIFOTYPE: "fifo",
         tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block"}


class Node:
    """A file whatever its names are; names with one Node are hard links."""

    def __init__(self, entry, data):
        self.kind = KINDS.get(entry.type, "file")
        self.mode, self.uid, self.gid = entry.mode & 0o7777, entry.uid, entry.gid
        self.mtime = int(entry.mtime)
        self.target = entry.linkname if self.kind == "link" else None
        self.device = (entry.devmajor, entry.devminor) if self.kind in ("char", "block") else None
        self.data = data
        self.attributes = [(key[len(ATTRIBUTE):], value.encode("utf-8", "surrogateescape").hex())
                           for key, value in sorted(entry.pax_headers.items()) if key.startswith(ATTRIBUTE)]

    def same(self, other, with_time):
        return (self.kind, self.mode, self.uid, self.gid, self.target, self.device, self.data,
                self.attributes, with_time and self.mtime) == \
               (other.kind, other.mode, other.uid, other.gid, other.target, other.device, other.data,
                other.attributes, with_time and other.mtime)


class Layer:
    """What a layer's tar says: the names in it, what it hides, and what it brings."""

    def __init__(self, blob):
        self.names, self.hidden, self.opaque, self.fresh = [], [], [], {}
        with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
            for entry in tar:
                self.add(tar, entry)

    def add(self, tar, entry):
        # no names of users: they would be the machine's
        who = "".join(f"({name})" for name in (entry.uname, entry.gname) if name)
        self.names.append(entry.name + ("/" if entry.isdir() else "") + who)
        path = clean(entry.name)
        folder, _, name = path.rpartition("/")
        if name == ".wh..wh..opq":
            self.opaque.append(folder)
        elif name.startswith(".wh."):
            self.hidden.append(clean(folder + "/" + name[4:]))
        elif path and entry.islnk():
            # a link into a lower layer would be a mistake of the builder: seen as a KeyError
            self.fresh[path] = self.fresh[clean(entry.linkname)]
        elif path:
            self.fresh[path] = Node(entry, tar.extractfile(entry).read() if entry.isfile() else b"")


class Image:
    """The documents of an image and its merged tree."""

    def __init__(self, config, layers):
        self.config = config
        self.layers = [layer.names for layer in layers]
        self.tree = {}      # path without slashes at its ends -> Node
        for layer in layers:
            self.apply(layer)

    def apply(self, layer):
        # what a layer hides is of the layers below it, wherever in the tar it stands
        for folder in layer.opaque:
            self.remove_below(folder)
        for path in layer.hidden:
            self.remove(path)
        for path, node in layer.fresh.items():
            if node.kind != "dir" and path in self.tree:
                self.remove_below(path)
            self.tree[path] = node

    def remove(self, path):
        self.tree.pop(path, None)
        self.remove_below(path)

    def remove_below(self, path):
        for name in [n for n in self.tree if n.startswith(path + "/" if path else "")]:
            del self.tree[name]


def clean(name):
    return "/".join(part for part in name.split("/") if part not in ("", "."))


# -- reading ------------------------------------------------------------------------------------
class Folder:
    def __init__(self, path):
        self.path = path

    def read(self, name):
        with open(os.path.join(self.path, name), "rb") as file:
            return file.read()


class Archive:
    def __init__(self, path):
        self.tar = tarfile.open(path)

    def read(self, name):
        for known in (name, "./" + name):
            try:
                return self.tar.extractfile(known).read()
            except KeyError:
                continue
        raise FileNotFoundError(name)


def blob(files, digest):
    data = files.read("blobs/" + digest.replace(":", "/"))
    actual = digest.partition(":")[0] + ":" + hashlib.sha256(data).hexdigest()
    if actual != digest:
        raise ValueError(f"{digest} is {actual}")
    return data


LAYERS = {}     # digest -> Layer: a base is read once


def read_layer(files, digest):
    if digest not in LAYERS:
        LAYERS[digest] = Layer(blob(files, digest))
    return LAYERS[digest]


def read_manifest(files, digest):
    document = json.loads(blob(files, digest))
    if "manifests" in document:
        return read_manifest(files, document["manifests"][0]["digest"])
    return Image(json.loads(blob(files, document["config"]["digest"])),
                 [read_layer(files, layer["digest"]) for layer in document["layers"]])


def read_image(name):
    path, _, digest = name.partition("@")
    files = Folder(path) if os.path.isdir(path) else Archive(path)
    if digest:
        return read_manifest(files, digest)
    try:
        index = json.loads(files.read("index.json"))
    except (FileNotFoundError, AttributeError):
        saved = json.loads(files.read("manifest.json"))[0]
        return Image(json.loads(files.read(saved["Config"])), [Layer(files.read(layer)) for layer in saved["Layers"]])
    return read_manifest(files, index["manifests"][0]["digest"])


# -- telling ------------------------------------------------------------------------------------
def plain(text):
    """Text as it is where a reader sees all of it, else as JSON; of very long text the start."""
    if len(text) > 300:
        return f"{plain(text[:60])}... of {len(text)} characters, sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if text and text.isprintable() and text == text.strip() and text[0] != '"':
        return text
    return json.dumps(text, ensure_ascii=False)


def config_lines(image):
    top, config = image.config, image.config.get("config") or {}
    if top.get("author"):
        yield f"Author {plain(top['author'])}"
    for name in ("User", "WorkingDir", "StopSignal"):
        if config.get(name):
            yield f"{name} {plain(config[name])}"
    env = config.get("Env") or []
    if not any(item.startswith("PATH=") for item in env):
        yield "Env has no PATH"
    for item in env[1:] if env[:1] == [USUAL_PATH] else env:
        yield f"Env {plain(item)}"
    for item in config.get("OnBuild") or []:
        yield f"OnBuild {plain(item)}"
    for name in ("Entrypoint", "Cmd", "Shell"):
        if config.get(name):
            yield f"{name} {json.dumps(config[name])}"
    if config.get("ArgsEscaped"):
        yield "ArgsEscaped"
    for name in ("ExposedPorts", "Volumes"):
        for key in sorted(config.get(name) or {}):
            yield f"{name} {plain(key)}"
    for key, value in sorted((config.get("Labels") or {}).items()):
        yield f"Label {plain(key)} = {plain(value)}"
    if config.get("Healthcheck"):
        yield f"Healthcheck {json.dumps(config['Healthcheck'], sort_keys=True)}"


def history_lines(image, skip):
    for entry in (image.config.get("history") or [])[skip:]:
        yield f"history {'-' if entry.get('empty_layer') else '+'} {plain(entry.get('created_by') or '')}"


def contents(data):
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and len(data) <= 100 and text.translate({9: None, 10: None, 13: None}).isprintable():
        return f"{len(data)} {json.dumps(text, ensure_ascii=False)}"
    return f"{len(data)} sha256:{hashlib.sha256(data).hexdigest()[:16]}"


def moment(seconds):
    if seconds > time.time() - 86400:
        return "@now"
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("@%Y-%m-%dT%H:%M:%SZ")


def node_line(path, node, with_time):
    owner = f"{node.uid}:{node.gid}"
    if node.kind == "link":
        words = ["link", owner, plain(path), "->", plain(node.target)]
    else:
        words = [node.kind, f"{node.mode:o}", owner, plain(path + ("/" if node.kind == "dir" else ""))]
    if node.kind == "file":
        words.append(contents(node.data))
    if node.device:
        words.append(f"{node.device[0]},{node.device[1]}")
    words += [f"{'capability' if name == CAPABILITY else name}={value}" for name, value in node.attributes]
    if with_time:
        words.append(moment(node.mtime))
    return " ".join(words)


def tree_lines(image, base, with_time):
    told = {}
    before = base.tree if base else {}
    for path in sorted(set(image.tree) | set(before), key=lambda p: p.encode("utf-8", "surrogateescape")):
        node, old = image.tree.get(path), before.get(path)
        if node is None:
            if path.rpartition("/")[0] in image.tree or "/" not in path:
                yield f"gone {plain(path)}"
        elif old is None or not node.same(old, with_time):
            if id(node) in told:
                yield f"hard {plain(path)} = {plain(told[id(node)])}"
            else:
                yield node_line(path, node, with_time)
        if node is not None:
            told.setdefault(id(node), path)


def describe(image, base=None, show=()):
    lines = list(config_lines(image))
    lines += history_lines(image, len((base.config.get("history") or []) if base else []))
    lines += tree_lines(image, base, "mtime" in show)
    if "layers" in show:
        for names in image.layers[len(base.layers) if base else 0:]:
            lines.append(" ".join(["layer:"] + [plain(name) for name in names]))
    if "created" in show:
        lines.append(f"created {image.config.get('created')}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("--base")
    parser.add_argument("--show", default="")
    args = parser.parse_args()
    base = read_image(args.base) if args.base else None
    print("\n".join(describe(read_image(args.image), base, args.show.split(","))))


if __name__ == "__main__":
    sys.exit(main())
