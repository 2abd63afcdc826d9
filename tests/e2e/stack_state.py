"""All that an engine has of a stack: told, or taken away.

    stack_state.py SOCKET STACK PROJECT [remove]

Told without ids, times and the numbers of deploys, as JSON; a lock that nobody holds is not told: the next
deploy that writes takes it over. One process, where docker would take ten; and it is started so often that it does
without http.client, which takes longer to load than all that is asked for.
"""
import json
import socket
import sys

path, stack, project = sys.argv[1:4]


def quoted(text):
    return "".join("%%%02X" % byte for byte in text.encode())


# In HTTP/1.0 an answer ends with its connection.
def ask(method, what, **filters):
    if filters:
        what += "?filters=" + quoted(json.dumps({k: {v: True} for k, v in filters.items()}))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(("%s /v1.41%s HTTP/1.0\r\nHost: docker\r\n\r\n" % (method, what)).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    if status >= 300:
        sys.exit("stack_state: %s %s: %d %s" % (method, what, status, body.decode()))
    return json.loads(body) if body else None


def plain(spec):
    spec["Labels"].pop("io.cdeploy.revision", None)
    for network in spec["TaskTemplate"]["Networks"]:
        del network["Target"]
    for secret in spec["TaskTemplate"]["ContainerSpec"].get("Secrets", []):
        del secret["SecretID"]
    return spec


services = ask("GET", "/services", name=stack + "_")
# the name of a network is matched as a whole
networks = ask("GET", "/networks", label="com.docker.stack.namespace=" + stack)
secrets = ask("GET", "/secrets", label="com.docker.stack.namespace=" + stack)
configs = ask("GET", "/configs", label="io.cdeploy.project=" + project)
if sys.argv[4:] == ["remove"]:
    for kind, key, objects in (("services", "ID", services), ("networks", "Id", networks),
                               ("secrets", "ID", secrets), ("configs", "ID", configs)):
        for o in objects:
            ask("DELETE", "/%s/%s" % (kind, o[key]))
else:
    print(json.dumps({
        "services": sorted((plain(s["Spec"]) for s in services), key=lambda s: s["Name"]),
        "networks": sorted(n["Name"] for n in networks),
        "secrets": sorted(s["Spec"]["Name"] for s in secrets),
    }, sort_keys=True))
