# Every key of a legacy file at a real engine: what it keeps of them is what the file said, so that a second deploy
# of the same file writes nothing.

load helper

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE CDEPLOY_STABLE=1s
	engine network create -d overlay "$NAME-edge" >/dev/null
	web one "$REPO:1"
}

teardown() {
	# shellcheck disable=SC2046 # a list of ids
	engine service rm $(engine service ls -q --filter "name=$NAME") >/dev/null 2>&1 || :
	# an engine that is stopped while it makes containers leaves their links behind
	until_true no_container
	engine network rm "$NAME" "$NAME-edge" >/dev/null 2>&1 || :
}

no_container() {
	[ -z "$(engine ps -aq --filter "name=$NAME")" ]
}

spec() {
	engine service inspect --format "{{json .Spec.$2}}" "$NAME-$1" | jq -Sc .
}

tasks() {
	engine service ps -q "$NAME-old" | sort
}

runs() {
	engine service ps --format '{{.CurrentState}}' "$NAME-old" | grep -q ^Running
}

indices() {
	for name in $(engine service ls -q --filter "name=$NAME" | sort); do
		engine service inspect --format '{{.Spec.Name}} {{.Version.Index}}' "$name"
	done
}

@test "all that a legacy file can say is kept by the engine, and said again it changes nothing" {
	cat >orcinus.yml <<-END
	stack: $NAME
	domain: app.example
	services:
	  $NAME-all:
	    image: $REPO:1
	    replicas: 2
	    cpu: 0.5
	    memory: 64m
	    networks: [$NAME-edge]
	    constraints: [node.role==manager, node.labels.disk!=slow]
	    labels: {traefik.port: "80"}
	    environment: [A=1, B="two words"]
	    volumes: [tmp]
	    restart_policy: {condition: on-failure, delay: 1s, max_attempts: 3, window: 2m}
	    deploy: {delay: 1s, iffailure: continue, order: stop-first}
	    user: "65534:65534"
	    sysctls: [net.ipv4.ip_unprivileged_port_start=80]
	    hosts: [10.0.0.5 db.example db, cache.example:10.0.0.6]
	    dns: {Nameservers: [10.0.0.2], Search: [example.org], Options: ["timeout:3"]}
	    healthcheck: {test: NONE}
	    stop_signal: SIGINT
	    stop_grace_period: 3s
	    working_dir: /
	    hostname: all
	    init: true
	    read_only: true
	    cap_drop: [net_raw]
	    ulimits: {nofile: {soft: 2000, hard: 4000}}
	    logging: {driver: json-file, options: {max-size: 1m}}
	    group_add: ["100"]
	    tmpfs: /run
	  $NAME-more:
	    image: $REPO:1
	    endpoint: 8080
	    depends_on: [$NAME-all]
	    deploy:
	      replicas: 1
	      endpoint_mode: dnsrr
	      placement: {preferences: [{spread: node.labels.zone}], max_replicas_per_node: 2}
	      resources: {limits: {cpus: "0.5", memory: 64m, pids: 50}, reservations: {memory: 8m}}
	      restart_policy: {condition: any}
	      update_config: {parallelism: 2, delay: 1s, monitor: 2s, failure_action: pause, max_failure_ratio: 0.25, order: start-first}
	      rollback_config: {parallelism: 0, order: stop-first}
	  $NAME-each:
	    image: $REPO:1
	    mode: global
	    restart: unless-stopped
	volumes:
	  tmp: {type: bind, source: /tmp, target: /data}
	END
	# an engine that does not know all of it would drop that without a word
	ORCINUS_NETWORK=$NAME-edge DOCKER_API_VERSION=1.40 expect 2 cdeploy --detach
	message cdeploy "$NAME-all" cap_drop 'API 1.41'
	ORCINUS_NETWORK=$NAME-edge expect 0 cdeploy --detach
	equal "$(grep -c ' created ' <<<"$out")" 3
	equal "$(spec all TaskTemplate.RestartPolicy)" \
		'{"Condition":"on-failure","Delay":1000000000,"MaxAttempts":3,"Window":120000000000}'
	equal "$(spec all TaskTemplate.ContainerSpec.User)" '"65534:65534"'
	equal "$(spec all TaskTemplate.ContainerSpec.Hosts)" '["10.0.0.5 db.example db","10.0.0.6 cache.example"]'
	equal "$(spec all TaskTemplate.ContainerSpec.Sysctls)" '{"net.ipv4.ip_unprivileged_port_start":"80"}'
	equal "$(spec all UpdateConfig | jq -r '"\(.Delay) \(.FailureAction) \(.Order)"')" '1000000000 continue stop-first'
	equal "$(spec more Labels | jq -r '."traefik.frontend.rule"')" Host:app.example
	equal "$(spec each Mode)" '{"Global":{}}'
	before=$(indices)
	ORCINUS_NETWORK=$NAME-edge expect 0 cdeploy --detach
	equal "$(grep -c ' unchanged ' <<<"$out")" 3
	equal "$(indices)" "$before"
}

@test "a service that docker's client made for orcinus is taken over without a restart" {
	engine service create -d --name "$NAME-old" --network "$NAME-edge" --env A=1 --label traefik.port=80 \
		--replicas 1 --limit-memory 64m --restart-condition on-failure --restart-delay 1s \
		--constraint node.role==manager --user 65534 "$REPO:1" >/dev/null
	cat >orcinus.yml <<-END
	services:
	  $NAME-old:
	    image: $REPO:1
	    networks: [$NAME-edge]
	    environment: [A=1]
	    labels: {traefik.port: "80"}
	    replicas: 1
	    memory: 64m
	    restart_policy: {condition: on-failure, delay: 1s}
	    constraint: node.role==manager
	    user: 65534
	END
	until_true runs
	before=$(tasks)
	expect 0 cdeploy
	equal "${out% *}" "$NAME-old updated"
	equal "$(tasks)" "$before"
}

@test "another server of an nfs volume is deployed with a warning, for nodes keep the volume they have" {
	cat >orcinus.yml <<-END
	services:
	  $NAME-nfs:
	    image: $REPO:1
	    replicas: 0
	    volumes: [data]
	volumes:
	  data: {type: nfs, address: 10.99.0.1, source: /srv, target: /data}
	END
	expect 0 cdeploy --detach
	sed -i s/10.99.0.1/10.99.0.2/ orcinus.yml
	expect 0 cdeploy plan
	has "$out$err" "a node that has the volume data keeps its old options"
	expect 0 cdeploy --detach
	has "$err" "warning: a node that has the volume 'data' keeps its old options"
	expect 0 cdeploy --detach
	equal "$(grep -c 'keeps its old' <<<"$err" || :)" 0
}
