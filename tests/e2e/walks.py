#!/usr/bin/env python3
"""Does each layer, put onto those below, make what the RUN behind it has left?

    walks.py LAYOUT@sha256:DIGEST

The image is one whose RUNs are followed by one that walks the tree and keeps what it has seen in
/walks/N (sandboxes.bash, sandboxes_walked): a layer that brings such a file says what the layers
below it must make. They are put onto each other by tests/e2e/semantics/describe.py, which knows no
code of ours. Prints how many walks were compared, and ends with 1 at the first difference.
"""

import hashlib
import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "semantics"))
import describe  # noqa: E402

KINDS = {"dir": stat.S_IFDIR, "link": stat.S_IFLNK, "file": stat.S_IFREG, "fifo": stat.S_IFIFO,
         "char": stat.S_IFCHR, "block": stat.S_IFBLK}
# what every RUN has of its own, and what a walk leaves behind
OWN = ("proc", "sys", "dev", "walks", "etc/hosts", "etc/resolv.conf")
SMALL = 1 << 20     # larger files are not compared by their bytes


def is_own(path):
    return any(path == own or path.startswith(own + "/") for own in OWN)


def line_of(mode, owner, size, mtime, names, more):
    """names: all that the file has, as far as they were seen; more: of a link its target, of a file its digest."""
    if stat.S_ISDIR(mode):
        names = []
    if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        size = 0
    return f"{mode:o} {owner} {size} @{mtime} {','.join(sorted(names))} {more}"


def by_file(paths, file_of):
    names = {}
    for path in paths:
        names.setdefault(file_of(path), []).append(path)
    return names


def made_by_layers(tree):
    names = by_file(tree, lambda path: id(tree[path]))
    for path, node in tree.items():
        mode = KINDS[node.kind] | (0o777 if node.kind == "link" else node.mode)
        size, more = len(node.data), ""
        if node.kind == "link":
            size, more = len(node.target), node.target
        elif node.kind == "file" and size < SMALL:
            more = hashlib.sha256(node.data).hexdigest()
        yield path, line_of(mode, f"{node.uid}:{node.gid}", size, node.mtime, names[id(node)], more)


def seen_by_walk(text):
    """Lines of stat (mode, inode, owner, size, time, 'path' -> 'target') and of sha256sum."""
    files, digests = {}, {}
    for words in map(str.split, text.splitlines()):
        if len(words) == 2:
            digests[words[1].lstrip("/")] = words[0]
        else:
            files[words[5].strip("'").lstrip("/")] = words
    names = by_file(files, lambda path: files[path][1])
    for path, (mode, inode, owner, size, mtime, _, *target) in files.items():
        more = target[1].strip("'") if target else digests.get(path, "")
        yield path, line_of(int(mode, 16), owner, int(size), mtime, names[inode], more)


def compare(name, layers, walk):
    for path in sorted(set(layers) | set(walk)):
        if path and not is_own(path) and layers.get(path) != walk.get(path):
            sys.exit(f"{name}: /{path}\n  layers: {layers.get(path)}\n  walk:   {walk.get(path)}")


def main():
    path, _, digest = sys.argv[1].partition("@")
    files, nr = describe.Folder(path), 0
    image = describe.Image({}, [])
    manifest = describe.json.loads(describe.blob(files, digest))
    for layer in manifest["layers"]:
        content = describe.read_layer(files, layer["digest"])
        for name, node in content.fresh.items():
            if name.startswith("walks/") and name != "walks/walk":
                compare(name, dict(made_by_layers(image.tree)), dict(seen_by_walk(node.data.decode())))
                nr += 1
        image.apply(content)
    print(nr)


main()
