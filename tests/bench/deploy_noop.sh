# A deploy without a change, of 50 services: all that a pipeline costs whose commit touched something else. cdeploy,
# and `docker stack deploy` of the same services. The services have no tasks, so that only the tools and the engine's
# answers are measured. How many services each has written anew is counted by their versions.
. "$HERE/lib.sh"

SERVICES=$(scaled 50)

file() {
	echo 'version: "3.8"'
	echo 'services:'
	n=1
	while [ "$n" -le "$SERVICES" ]; do
		printf '  s%s:\n    image: "%s"\n    environment: { N: "%s", MODE: "production" }\n' "$n" "$IMAGE" "$n"
		printf '    labels: { com.example.team: "bench" }\n    deploy: { replicas: 0 }\n'
		n=$((n + 1))
	done
}

cdeploy_noop() { "$BIN/cdeploy" -q --project bench/cdeploy -f "$WORK/file/docker-compose.yml"; }
docker_noop() { docker stack deploy --resolve-image never -c "$WORK/file/docker-compose.yml" docker; }

versions() {
	docker service ls -q --filter "label=com.docker.stack.namespace=$1" |
		xargs docker service inspect --format '{{.ID}} {{.Version.Index}}' | sort
}

# written STACK BEFORE: how many services have another version since
written() {
	echo "wrote $(versions "$1" | diff - "$2" | grep -c '^<') services"
}

# requests HOST: what the tool tells of them; its engine is called docker
requests() {
	"$BIN/cdeploy" -vv --project bench/cdeploy -f "$WORK/file/docker-compose.yml" 2>&1 >/dev/null |
		grep -c "^\(GET\|HEAD\|POST\) http://$1"
}

echo "deploy_noop: $SERVICES services without a change"
if ! has busybox; then
	skip all 'busybox is not installed'
	exit 0
fi
stop_servers_at_end
start_registry && start_engine || { skip all "$why"; exit 0; }
mkdir -p "$WORK/image/bin" "$WORK/file"
cp "$(command -v busybox)" "$WORK/image/bin/busybox"
sh "$SERVERS/pack" "$WORK/image" "$WORK/layout" 1
"$BIN/cpush" -q "$WORK/layout" "$ADDRESS/bench/noop:1" >/dev/null || exit 1
IMAGE=$ADDRESS/bench/noop:1
file >"$WORK/file/docker-compose.yml"
cdeploy_noop >"$WORK/last.log" 2>&1 && docker_noop >"$WORK/last.log" 2>&1 || { cat "$WORK/last.log" >&2; exit 1; }
versions cdeploy >"$WORK/ours" && versions docker >"$WORK/theirs"
[ "$(wc -l <"$WORK/ours")" = "$SERVICES" ] || { echo 'bench: not all services are there' >&2; exit 1; }
measure cdeploy_noop docker_noop || exit 1
row cdeploy_noop cdeploy "$(written cdeploy "$WORK/ours")"
row docker_noop 'docker stack deploy' "$(written docker "$WORK/theirs")"
printf '  %-34s %9.1f %%\n' 'cdeploy / docker' "$(calc %.1f "100 * $(time_of cdeploy_noop) / $(time_of docker_noop)")"
printf '  %-34s %9d to the engine, %d to the registry\n' 'cdeploy, requests' "$(requests docker)" "$(requests "$ADDRESS")"
