"""All that an engine has of a stack: told, or taken away.

    stack_state.py SOCKET STACK PROJECT [remove]

Told without ids, times and the numbers of deploys, as JSON; a lock that nobody holds is not told: the next
deploy that writes takes it over. One process, where docker would take ten.
"""
import http.client
import json
import socket
import sys
import urllib.parse

path, stack, project = sys.argv[1:4]


def ask(method, what, **filters):
    if filters:
        what += "?filters=" + urllib.parse.quote(json.dumps({k: {v: True} for k, v in filters.items()}))
    connection = http.client.HTTPConnection("docker")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(path)
    connection.request(method, "/v1.41" + what)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status >= 300:
        sys.exit("stack_state: %s %s: %d %s" % (method, what, answer.status, body.decode()))
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
