"""All that an engine has of a stack: told, or taken away.

    stack_state.py SOCKET STACK PROJECT [remove|ages]

Told without ids, times and the numbers of deploys, as JSON: services, networks, secrets, configs, how many locks and
records of deploys there are, and whether what runs is recorded. ages: instead of its records there are ten, which need
nothing. One process, where docker would take ten; and it is started so often that it does without http.client, which
takes longer to load than all that is asked for.
"""
import json
import socket
import sys

path, stack, project = sys.argv[1:4]


def quoted(text):
    return "".join("%%%02X" % byte for byte in text.encode())


# In HTTP/1.0 an answer ends with its connection.
def ask(method, what, body=None, **filters):
    if filters:
        what += "?filters=" + quoted(json.dumps({k: {v: True} for k, v in filters.items()}))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        data = json.dumps(body).encode() if body else b""
        connection.sendall(("%s /v1.41%s HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\n"
                            "Content-Length: %d\r\n\r\n" % (method, what, len(data))).encode() + data)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    if status >= 300:
        sys.exit("stack_state: %s %s: %d %s" % (method, what, status, body.decode()))
    return json.loads(body) if body else None


def plain(spec):
    for label in "io.cdeploy.revision", "io.cdeploy.back-to":
        spec["Labels"].pop(label, None)
    for network in spec["TaskTemplate"]["Networks"]:
        del network["Target"]
    for secret in spec["TaskTemplate"]["ContainerSpec"].get("Secrets", []):
        del secret["SecretID"]
    for config in spec["TaskTemplate"]["ContainerSpec"].get("Configs", []):
        del config["ConfigID"]
    return spec


def revision(o):
    return int(o["Spec"]["Labels"].get("io.cdeploy.revision", 0))


def age(records):
    for record in records:
        ask("DELETE", "/configs/" + record["ID"])
    spec = records[0]["Spec"]
    for n in range(1, 11):
        labels = dict(spec["Labels"], **{"io.cdeploy.revision": str(n)})
        ask("POST", "/configs/create", {"Name": "%s-%d" % (spec["Name"].rpartition("-")[0], n), "Labels": labels,
                                        "Data": "eyJzZXJ2aWNlcyI6W119"})


services = ask("GET", "/services", name=stack + "_")
# the name of a network is matched as a whole
networks = ask("GET", "/networks", label="com.docker.stack.namespace=" + stack)
secrets = ask("GET", "/secrets", label="com.docker.stack.namespace=" + stack)
configs = ask("GET", "/configs", label="io.cdeploy.project=" + project)
of_stack = [c for c in configs if c["Spec"]["Labels"].get("com.docker.stack.namespace") == stack]
locks = [c for c in configs if c["Spec"]["Name"].startswith("cdeploy-lock-")]
records = [c for c in configs if c not in of_stack and c not in locks]
what = sys.argv[4:]
if what == ["remove"]:
    for kind, key, objects in (("services", "ID", services), ("networks", "Id", networks),
                               ("secrets", "ID", secrets), ("configs", "ID", configs)):
        for o in objects:
            ask("DELETE", "/%s/%s" % (kind, o[key]))
elif what == ["ages"]:
    age(records)
else:
    print(json.dumps({
        "services": sorted((plain(s["Spec"]) for s in services), key=lambda s: s["Name"]),
        "networks": sorted(n["Name"] for n in networks),
        "secrets": sorted(s["Spec"]["Name"] for s in secrets),
        "configs": sorted(c["Spec"]["Name"] for c in of_stack),
        "locks": len(locks),
        "records": len(records),
        "recorded": max(map(revision, services), default=0) <= max(map(revision, records), default=0),
    }, sort_keys=True))
