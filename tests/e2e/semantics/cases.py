#!/usr/bin/env python3
"""The semantics suite: small Dockerfiles and what a builder must make of them.

    cases.py check [--cbuild PROGRAM] [--pending FILE] [NAME...]    builds each case with cbuild; one "ok" or "not ok" a case
    cases.py record --host SOCKET [NAME...]         writes what a real engine makes of them into the cases
    cases.py show [--cbuild PROGRAM] NAME...        prints what cbuild makes of them

NAME is the start of a case's name below testdata/semantics ("1.5/env"); none is all of them. The
variable BASE names an OCI layout with the image "busybox".

A case is one file. It begins with comments and settings; then each "==> NAME" begins a file of the
context (a mode may follow the name). These names mean something else:

    ==> setup           run with sh in the context, after its files (which are all of 2020-02-02 02:02:02)
    ==> base NAME       a base image of that name: busybox with this configuration (JSON)
    ==> expect          what comes out, as describe.py tells it; "record" writes it
    ==> fails           "status N", then any number of "says TEXT" that stderr must have; "docker TEXT" is
                        what the engine said ("record" writes it)
    ==> engine          where the engine differs from what is expected ("record" writes it)

Settings, each "key: value" on a line:

    options: --target x     of the build, for both builders
    env: A=1                in the environment of the build; may be repeated
    show: mtime,layers      see describe.py
    warns: TEXT             stderr must have it; may be repeated
    silent: TEXT            stderr must not have it; may be repeated
    context: ../other       what is built (.)
    hand: REASON            the engine is too old for this; the expectation is written by hand
    differs: REASON         cbuild does better than the engine, or the engine is older in this; the
                            expectation is written by hand, and the difference is recorded

Cases named in the file "pending" are known not to hold yet; one that does hold is an error there. For a sandbox that
cannot have all there is a file of its own.
"""

import argparse
import concurrent.futures
import contextlib
import difflib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import describe

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "../../../testdata/semantics"))
LONG_AGO = 1580608922   # 2020-02-02 02:02:02
SETTINGS = ("options", "env", "show", "warns", "silent", "hand", "differs", "context")
WORDS = ("setup", "expect", "fails", "engine")
LIMIT_SECONDS = 120
# where the engine keeps trees: in its messages, and different each time
INSIDE = re.compile(r"/\S+?/(overlay2/\w+/merged|buildkit-mount\d+)")


class Case:
    def __init__(self, name):
        self.name = name
        self.path = os.path.join(ROOT, name + ".case")
        self.settings = {key: [] for key in SETTINGS}
        self.files = []             # (name, mode, text)
        self.bases = {}             # name -> configuration
        self.head = ""              # everything before the first result, to be written back
        self.results = {}           # expect, fails, engine -> text
        self.setup = ""
        with open(self.path, encoding="utf-8", newline="") as file:
            self.parse(file.read())

    def parse(self, text):
        section, body = None, []
        for line in text.splitlines(keepends=True) + ["==> "]:
            if not line.startswith("==> "):
                body.append(line)
                continue
            self.add(section, "".join(body))
            section, body = line[4:].strip(), []
        if not self.results:
            raise ValueError(f"{self.name}: neither 'expect' nor 'fails'")

    def add(self, section, body):
        if section is None:
            self.head += body
            self.parse_settings(body)
            return
        word, _, rest = section.partition(" ")
        if section in ("expect", "fails", "engine"):
            self.results[section] = body
            return
        self.head += f"==> {section}\n{body}"
        if section == "setup":
            self.setup = body
        elif word == "base":
            self.bases[rest] = json.loads(body)
        else:
            self.files.append((word, int(rest or "644", 8), body))

    def parse_settings(self, body):
        for line in body.splitlines():
            key, colon, value = line.partition(":")
            if line.startswith("#") or not line.strip():
                continue
            if not colon or key not in self.settings:
                raise ValueError(f"{self.name}: '{line}' is no setting")
            self.settings[key].append(value.strip())

    def setting(self, key):
        return " ".join(self.settings[key])

    def fails(self):
        return {key: [line[len(key) + 1:] for line in self.results.get("fails", "").splitlines()
                      if line.startswith(key + " ")] for key in ("status", "says", "docker")}

    def save(self):
        text = self.head + "".join(f"==> {key}\n{self.results[key]}" for key in ("expect", "fails", "engine")
                                   if key in self.results)
        with open(self.path, "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def make_context(self, folder):
        """Lays the files down; returns the context's folder."""
        context = os.path.join(folder, "context")
        os.mkdir(context)
        for name, mode, text in self.files:
            path = os.path.join(context, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.chmod(path, mode)
        for top, dirs, files in os.walk(context, topdown=False):
            for name in dirs + files:
                os.utime(os.path.join(top, name), (LONG_AGO, LONG_AGO))
        os.utime(context, (LONG_AGO, LONG_AGO))
        if self.setup:
            subprocess.run(["sh", "-euc", self.setup], cwd=context, check=True, stdin=subprocess.DEVNULL)
        return context

    def environment(self, folder):
        env = {"PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": folder}
        env.update(item.split("=", 1) for item in self.settings["env"])
        return env


def all_names(starts):
    names = []
    for top, _, files in os.walk(ROOT):
        names += [os.path.relpath(os.path.join(top, f), ROOT)[:-5] for f in files if f.endswith(".case")]
    chosen = [n for n in names if not starts or any(n.startswith(s) for s in starts)]
    return sorted(chosen, key=lambda n: ([int(p) for p in n.split("/")[0].split(".")], n))


def pending(file_name):
    """name -> reason"""
    with open(os.path.join(ROOT, file_name), encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    return {name: reason.strip() for name, _, reason in (line.partition(":") for line in lines)}


@contextlib.contextmanager
def temporary_folder():
    # a user without rights must be able to come by
    folder = tempfile.mkdtemp(prefix="semantics.")
    os.chmod(folder, 0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


# -- base images ------------------------------------------------------------------------------------
class Base:
    """busybox with a configuration of its own, as an OCI layout."""

    def __init__(self, busybox, folder, name, given):
        self.path = os.path.join(folder, "base-" + name.replace("/", "_").replace(":", "_"))
        os.makedirs(os.path.join(self.path, "blobs/sha256"))
        index = json.load(open(os.path.join(busybox, "index.json"), encoding="utf-8"))
        files = describe.Folder(busybox)
        manifest = json.loads(describe.blob(files, index["manifests"][0]["digest"]))
        config = json.loads(describe.blob(files, manifest["config"]["digest"]))
        for layer in manifest["layers"]:
            self.put(describe.blob(files, layer["digest"]))
        # with a history, which engines add where there is none, each in its own words
        config["history"] = [{"created": config["created"], "created_by": "busybox"}]
        config["config"].pop("Cmd", None)
        config.update(given)
        manifest["config"].update(self.put_json(config))
        index["manifests"][0].update(self.put_json(manifest))
        for name_, document in (("oci-layout", {"imageLayoutVersion": "1.0.0"}), ("index.json", index)):
            with open(os.path.join(self.path, name_), "w", encoding="utf-8") as file:
                json.dump(document, file)

    def put(self, data):
        digest = describe.hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.path, "blobs/sha256", digest), "wb") as file:
            file.write(data)
        return {"digest": "sha256:" + digest, "size": len(data)}

    def put_json(self, document):
        return self.put(json.dumps(document).encode())


# -- cbuild -----------------------------------------------------------------------------------------
class Cbuild:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.root = os.path.join(folder, "root")
        self.busybox = Base(os.environ["BASE"], folder, "busybox", {})
        self.base_image = describe.read_image(self.busybox.path)

    def build(self, case):
        """Returns (status, stdout, stderr, description or None)."""
        with temporary_folder() as folder:
            context = case.make_context(folder)
            bases = {name: Base(self.busybox.path, folder, name, given).path for name, given in case.bases.items()}
            bases["busybox"] = self.busybox.path
            # the cases share a root, and some a step that is to give each its own: a secret's value is in no key
            command = [self.program, "--root", self.root, "--progress", "plain", "--no-cache"]
            for name, path in bases.items():
                command += ["--build-context", f"{name}=oci-layout://{path}:1"]
            command += shlex.split(case.setting("options"))
            command.append(case.setting("context") or ".")
            done = subprocess.run(command, cwd=context, env=case.environment(folder), stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=LIMIT_SECONDS, check=False)
        out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        told = None
        if done.returncode == 0:
            image = describe.read_image(f"{self.root}/store@{out.splitlines()[-1]}")
            told = describe.describe(image, self.base_of(image), case.setting("show").split(","))
        return done.returncode, out, err, told

    def base_of(self, image):
        return base_of(image, self.base_image)

    def check(self, case):
        """Returns what is wrong, as lines; none when all is well."""
        status, _, err, told = self.build(case)
        wrong = [f"stderr does not say: {text}" for text in case.settings["warns"] if text not in err]
        wrong += [f"stderr says: {text}" for text in case.settings["silent"] if text in err]
        if "fails" in case.results:
            fails = case.fails()
            if str(status) != fails["status"][0]:
                wrong.append(f"status {status}, not {fails['status'][0]}")
            wrong += [f"stderr does not say: {text}" for text in fails["says"] if text not in err]
            tail = err.splitlines()[-3:]
        else:
            if told is None:
                wrong.append(f"status {status}")
            else:
                wrong += changes(case.results["expect"].splitlines(), told)
            tail = err.splitlines()[-3:] if told is None else []
        return wrong + ["stderr: " + line for line in tail] if wrong else []


def base_of(image, base):
    """An image from scratch has nothing of the base."""
    same = image.config["rootfs"]["diff_ids"][:1] == base.config["rootfs"]["diff_ids"][:1]
    return base if same else None


def changes(expected, actual):
    return [line for line in difflib.unified_diff(expected, actual, "expected", "actual", n=0, lineterm="")
            if not line.startswith(("---", "+++", "@@"))]


# -- a real engine ----------------------------------------------------------------------------------
class Engine:
    def __init__(self, host, folder):
        self.host, self.folder = host, folder
        self.known = {}
        self.busybox = Base(os.environ["BASE"], folder, "busybox", {})
        self.base_image = describe.read_image(self.busybox.path)
        self.load("busybox", self.busybox.path)

    def docker(self, *words, **more):
        return subprocess.run(["docker", "-H", self.host, *words], capture_output=True, check=False, text=True,
                              stdin=subprocess.DEVNULL, **more)

    def load(self, name, path):
        """Puts a base image there; the engine has one of each name for all cases."""
        tag = name if ":" in name else name + ":latest"
        subprocess.run(["skopeo", "copy", "-q", "--dest-daemon-host", self.host, f"oci:{path}:1",
                        f"docker-daemon:{tag}"], check=True)

    def build(self, case):
        """Returns (description or None, the last line of what went wrong)."""
        tag = "case-" + describe.hashlib.sha256(case.name.encode()).hexdigest()[:16]
        with temporary_folder() as folder:
            context = case.make_context(folder)
            for name, given in case.bases.items():
                self.load(name, Base(self.busybox.path, folder, name, given).path)
            env = dict(case.environment(folder), DOCKER_BUILDKIT="1", BUILDKIT_PROGRESS="plain")
            # --no-cache: an entry's time is no part of the engine's keys, but of what we compare
            done = self.docker("build", "--no-cache", "--network", "none", "-t", tag,
                               *shlex.split(case.setting("options")), case.setting("context") or ".", cwd=context, env=env)
            if done.returncode != 0:
                return None, INSIDE.sub("", done.stderr.strip().splitlines()[-1])
            saved = os.path.join(folder, "saved.tar")
            done = self.docker("save", "-o", saved, tag)
            if done.returncode != 0:
                raise RuntimeError(f"cannot be saved (has it a layer?): {done.stderr.strip()}")
            image = describe.read_image(saved)
            self.docker("image", "rm", "-f", tag)
        told = describe.describe(image, base_of(image, self.base_image), case.setting("show").split(","))
        # the engine's layers name root; BuildKit's of today have no names
        return [line.replace("(root)", "") if line.startswith("layer:") else line for line in told], None

    def record(self, case):
        """Writes the case anew; returns what there is to say about it."""
        told, error = self.build(case)
        by_hand = case.settings["hand"] or case.settings["differs"]
        if "fails" in case.results:
            return self.record_failure(case, told, error, by_hand)
        if not by_hand:
            if told is None:
                return f"the engine failed: {error}"
            case.results["expect"] = "".join(line + "\n" for line in told)
            case.results.pop("engine", None)
        elif case.settings["differs"]:
            lines = changes(case.results["expect"].splitlines(), told) if told else [f"failed: {error}"]
            if not lines:
                return "the engine does not differ"
            case.results["engine"] = "".join(line + "\n" for line in lines)
        elif told == case.results["expect"].splitlines():
            return "the engine is not too old"
        case.save()
        return None

    def record_failure(self, case, told, error, by_hand):
        if told and not by_hand:
            return "the engine does not fail"
        keep = [line + "\n" for line in case.results["fails"].splitlines() if not line.startswith("docker ")]
        if case.settings["hand"]:
            error = None
        case.results["fails"] = "".join(keep) + (f"docker {error}\n" if error else "")
        if told and case.settings["differs"]:
            case.results["engine"] = "".join(line + "\n" for line in told)
        case.save()
        return None


# -- what is called ---------------------------------------------------------------------------------
def each(names, work):
    """Yields each name with what work made of its case, side by side but in order."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        yield from zip(names, pool.map(lambda name: work(Case(name)), names))


def or_what_went_wrong(work):
    def guarded(case):
        try:
            return work(case)
        except Exception as error:  # one case's trouble is not the others'
            return [f"{type(error).__name__}: {error}"]
    return guarded


def check(args, folder):
    builder = Cbuild(args.cbuild, folder)
    known, passed, failed, expected_red = pending(args.pending), 0, 0, 0
    for name, wrong in each(all_names(args.names), or_what_went_wrong(builder.check)):
        if wrong and name in known:
            expected_red += 1
            print(f"ok {name} # pending: {known[name]}")
        elif not wrong and name not in known:
            passed += 1
            print(f"ok {name}")
        else:
            failed += 1
            print(f"not ok {name}")
            for line in wrong or [f"it holds: take it out of testdata/semantics/{args.pending}"]:
                print(f"    {line}")
    print(f"semantics: {passed} passed, {failed} failed" + (f", {expected_red} pending" if expected_red else ""))
    return failed != 0 or passed + expected_red == 0


def record(args, folder):
    engine, bad = Engine(args.host, folder), 0
    for name, word in each(all_names(args.names), or_what_went_wrong(engine.record)):
        if word:
            bad += 1
            print(f"{name}: {word}")
    return bad != 0


def show(args, folder):
    builder = Cbuild(args.cbuild, folder)
    for name, (status, _, err, told) in each(all_names(args.names), builder.build):
        print(f"==> {name}: status {status}")
        print("\n".join(told if told is not None else err.splitlines()))
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["check", "record", "show"])
    parser.add_argument("--cbuild", default="build/bin/cbuild")
    parser.add_argument("--pending", default="pending")
    parser.add_argument("--host", help="the engine's socket")
    parser.add_argument("names", nargs="*")
    args = parser.parse_intermixed_args()
    args.cbuild = os.path.abspath(args.cbuild)
    with temporary_folder() as folder:
        return {"check": check, "record": record, "show": show}[args.verb](args, folder)


if __name__ == "__main__":
    sys.exit(main())
