# An orcinus.yml becomes services of a swarm: what users get when it works, and when it does not.

load helper

setup() {
	begin
	# what is to fail says how long it may take to
	export DOCKER_HOST=$E2E_ENGINE CDEPLOY_STABLE=1ms
	port=$(free_port)
}

teardown() {
	# shellcheck disable=SC2046 # a list of ids
	engine service rm $(engine service ls -q --filter "name=$NAME") >/dev/null 2>&1 || :
	engine network rm "$NAME" >/dev/null 2>&1 || :
}

# orcinus IMAGE [LINE...]: one service, further lines below it.
orcinus() {
	printf 'stack: "%s"\nservices:\n    %s:\n        image: "%s"\n' "$NAME" "$NAME-web" "$1" >orcinus.yml
	printf '        ports:\n        - "published=%s,target=8080,mode=host"\n' "$port" >>orcinus.yml
	shift
	[ $# -eq 0 ] || printf '        %s\n' "$@" >>orcinus.yml
}

index() {
	engine service inspect --format '{{.Version.Index}}' "$NAME-web"
}

# The engine watches for some seconds more, and then writes that down.
update_is_over() {
	[ "$(engine service inspect --format '{{.UpdateStatus.State}}' "$NAME-web")" = completed ]
}

services() {
	engine service ls -q --filter "name=$NAME" | wc -l
}

@test "the first deploy answers over HTTP" {
	web one "$REPO:1"
	orcinus "$REPO:1"
	CI_REGISTRY=${REPO%%/*} CI_REGISTRY_USER=gitlab-ci-token CI_REGISTRY_PASSWORD=geheim-1 expect 0 cdeploy
	equal "$out" "$NAME-web created $REPO:1@$(remote_digest "$REPO:1")"
	has "$err" "the swarm pulls from '${REPO%%/*}' with this job's own token"
	has_no "$err" geheim-1
	until_true answers "$port" one
}

@test "a service on the network of its node is found again as it was made" {
	printf 'services:\n    %s-web:\n        image: "%s"\n        commands: [sleep, "1000"]\n        networks: [host]\n' \
		"$NAME" "$BUSYBOX" >orcinus.yml
	expect 0 cdeploy
	equal "${out% *}" "$NAME-web created"
	expect 0 cdeploy
	equal "${out% *}" "$NAME-web unchanged"
}

@test "the second version takes the first one's place, and a deploy without a change touches nothing" {
	web one "$REPO:latest"
	orcinus "$REPO"
	expect 0 cdeploy
	until_true answers "$port" one
	# the same tag, other contents
	web two "$REPO:latest"
	expect 0 cdeploy
	equal "${out% *}" "$NAME-web updated"
	until_true answers "$port" two
	until_true update_is_over
	before=$(index)
	tasks=$(engine service ps -q "$NAME-web" | sort)
	expect 0 cdeploy
	equal "${out% *}" "$NAME-web unchanged"
	equal "$(index)" "$before"
	equal "$(engine service ps -q "$NAME-web" | sort)" "$tasks"
}

versions() {
	engine service ls -q --filter "name=$NAME" | xargs docker -H "$E2E_ENGINE" service inspect --format '{{.ID}} {{.Version.Index}}' | sort
}

@test "fifty services without a change keep their versions, and cost five requests at most" {
	web one "$REPO:1"
	printf 'stack: "%s"\nservices:\n' "$NAME" >orcinus.yml
	for n in $(seq 50); do
		printf '    %s-%s:\n        image: "%s"\n        replicas: 0\n        environment: ["N=%s", "EMPTY="]\n' \
			"$NAME" "$n" "$REPO:1" "$n"
		printf '        labels: { com.example.n: "" }\n        cpu: 0.25\n        memory: "64m"\n'
	done >>orcinus.yml
	expect 0 cdeploy
	equal "$(services)" 50
	versions >"$T/before"
	expect 0 cdeploy -vv
	versions >"$T/after"
	cmp "$T/before" "$T/after"
	[ "$(grep -c '^[A-Z]* http://docker/' <<<"$err")" -le 5 ]
	has_no "$err" 'POST http://docker/'
}

@test "everything the file says arrives at the engine" {
	web one "$REPO:1"
	orcinus "$REPO:1" 'environment:' '- "MODE=test"' 'replicas: 1' 'cpu: 0.5' 'memory: "64m"' \
		'constraint: "node.role==manager"' 'labels:' '    com.example.team: "x"' \
		'commands: ["/bin/serve"]' 'volumes:' '- data'
	printf 'volumes:\n    data:\n        type: "bind"\n        source: "%s"\n        target: "/data"\n' "$T/src" \
		>>orcinus.yml
	expect 0 cdeploy
	until_true answers "$port" one
	engine service inspect "$NAME-web" | jq '.[0].Spec' >"$T/spec"
	equal "$(jq -r '.TaskTemplate.ContainerSpec.Env[0]' "$T/spec")" MODE=test
	equal "$(jq -r '.TaskTemplate.Resources.Limits | "\(.NanoCPUs) \(.MemoryBytes)"' "$T/spec")" '500000000 67108864'
	equal "$(jq -r '.TaskTemplate.Placement.Constraints[0]' "$T/spec")" 'node.role==manager'
	equal "$(jq -r '.Labels["com.example.team"]' "$T/spec")" x
	equal "$(jq -r '.TaskTemplate.ContainerSpec.Mounts[0].Target' "$T/spec")" /data
	network=$(jq -r '.TaskTemplate.Networks[0].Target' "$T/spec")
	equal "$(engine network inspect --format '{{.Name}}' "$network")" "$NAME"
}

@test "an image that the registry does not have is status 4, and what runs is left alone" {
	web one "$REPO:1"
	orcinus "$REPO:1"
	expect 0 cdeploy
	before=$(index)
	orcinus "$REPO:none"
	expect 4 cdeploy
	message cdeploy "$REPO:none"
	equal "$(index)" "$before"
	until_true answers "$port" one
}

@test "a new version that crashes is taken back: status 9, and the old one answers" {
	web one "$REPO:1"
	orcinus "$REPO:1"
	expect 0 cdeploy
	orcinus "$REPO:1" 'commands: ["sh", "-c", "echo no good; exit 3"]'
	expect 9 cdeploy --stable 5s
	message cdeploy "$NAME-web"
	equal "${out% *}" "$NAME-web rolled-back"
	until_true answers "$port" one
	# and the way forward is open
	web two "$REPO:2"
	orcinus "$REPO:2"
	expect 0 cdeploy
	until_true answers "$port" two
}

@test "a new service that crashes is status 1, and is gone" {
	web one "$REPO:1"
	orcinus "$REPO:1" "commands: [sh, -c, \"'exit 3'\"]"
	expect 1 cdeploy --stable 10m
	message cdeploy "$NAME-web" 'exit (3)'
	equal "$(services)" 0
}

@test "a first deploy that was ended too early is not passed as unchanged by the next" {
	web one "$REPO:1"
	orcinus "$REPO:1" "commands: [sh, -c, \"'exit 3'\"]"
	expect 0 cdeploy --detach
	expect 1 cdeploy --stable 10m
	message cdeploy "$NAME-web" 'exit (3)'
	equal "$out" ''
}

@test "--no-rollback leaves a failed update for a look at it" {
	web one "$REPO:1"
	orcinus "$REPO:1"
	expect 0 cdeploy
	orcinus "$REPO:1" "commands: [sh, -c, \"'exit 3'\"]"
	expect 1 cdeploy --stable 10m --no-rollback
	message cdeploy "$NAME-web" 'exit (3)'
	equal "$(engine service inspect --format '{{.UpdateStatus.State}}' "$NAME-web")" paused
	# what it waits for may be there now: the same file tries again
	expect 0 cdeploy plan --no-rollback
	has "$out" "$NAME-web: update, its last update was paused and goes on"
	before=$(engine service inspect --format '{{.UpdateStatus.StartedAt}}' "$NAME-web")
	expect 1 cdeploy --stable 10m --no-rollback
	[ "$(engine service inspect --format '{{.UpdateStatus.StartedAt}}' "$NAME-web")" != "$before" ]
}

# The engine itself goes back to the paused version then: it knows no other.
@test "after a version that was left paused, a failed one is taken back to what ran" {
	web one "$REPO:1"
	orcinus "$REPO:1"
	expect 0 cdeploy
	orcinus "$REPO:1" "commands: [sh, -c, \"'exit 3'\"]"
	expect 1 cdeploy --stable 10m --no-rollback
	orcinus "$REPO:1" "commands: [sh, -c, \"'exit 4'\"]"
	expect 9 cdeploy --stable 5s
	message cdeploy "$NAME-web" 'exit (4)' 'the previous version is running again'
	until_true answers "$port" one
}

# of_two LINE: two tasks that run it in a shell, with a folder for their marks.
of_two() {
	printf 'services:\n    %s:\n        image: "%s"\n        replicas: 2\n' "$NAME-web" "$REPO:1" >orcinus.yml
	printf '        commands: [sh, -c, "%s"]\n        volumes: [marks]\n' "'$1'" >>orcinus.yml
	printf 'volumes:\n    marks: {type: bind, source: "%s/marks", target: /marks}\n' "$T" >>orcinus.yml
}

running_tasks() {
	engine service ps --format '{{.ID}} {{.CurrentState}}' "$NAME-web" | sed -n 's/ Running .*//p' | sort
}

three_run() {
	[ "$(running_tasks | wc -l)" -eq 3 ]
}

@test "what has been updated before a pause stays when the update goes on" {
	web one "$REPO:1"
	mkdir "$T/marks"
	of_two 'sleep 1000'
	expect 0 cdeploy
	# the first of the new version runs, the second one not before it is mended
	of_two 'mkdir /marks/first || test -e /marks/mended || exit 3; sleep 1001'
	expect 1 cdeploy --stable 10m --no-rollback
	running_tasks >before
	touch "$T/marks/mended"
	expect 0 cdeploy plan --no-rollback
	has "$out" 'was paused and goes on'
	expect 0 cdeploy --no-rollback
	equal "${out% *}" "$NAME-web updated"
	running_tasks >after
	equal "$(wc -l <after)" 2
	[ -n "$(comm -12 before after)" ] || fail "replaced: $(cat before after)"
}

# To the engine the version before is then the failed one, with fewer tasks.
@test "the old version comes back with the number of tasks that a scaler has set meanwhile" {
	web one "$REPO:1"
	mkdir "$T/marks"
	of_two 'sleep 1000'
	sed -i '/replicas/d' orcinus.yml
	expect 0 cdeploy
	of_two 'touch /marks/new; while [ ! -e /marks/end ]; do sleep 1; done; exit 3'
	sed -i '/replicas/d' orcinus.yml
	cdeploy --stable 20s >"$T/stdout" 2>"$T/stderr" 3>&- &
	pid=$!
	until_true test -e "$T/marks/new"
	engine service scale --detach "$NAME-web=3"
	until_true three_run
	touch "$T/marks/end"
	got=0
	wait "$pid" || got=$?
	equal "$got" 9 "$(cat "$T/stderr")"
	equal "$(engine service inspect --format '{{.Spec.Mode.Replicated.Replicas}}' "$NAME-web")" 3
	has "$(engine service inspect "$NAME-web")" '"sleep 1000"'
	three_run
}

@test "a deploy that finds no node in time is taken back" {
	web one "$REPO:1"
	orcinus "$REPO:1" 'constraint: "node.labels.nowhere==yes"'
	got=0
	cdeploy --pending-timeout 2s >"$T/stdout" 2>"$T/stderr" || got=$?
	err=$(cat "$T/stderr") out=''
	[ "$got" -eq 1 ] || [ "$got" -eq 6 ] || fail "status $got"
	message cdeploy "$NAME-web"
	equal "$(services)" 0
}

@test "SIGTERM in the middle of a rollout: 143, the old version comes back, and the next deploy goes forward again" {
	web one "$REPO:1"
	orcinus "$REPO:1"
	expect 0 cdeploy
	web two "$REPO:2"
	orcinus "$REPO:2"
	cdeploy --stable 10m >"$T/stdout" 2>"$T/stderr" 3>&- &
	pid=$!
	until_true answers "$port" two
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	err=$(cat "$T/stderr") out=''
	equal "$got" 143 "$err"
	message cdeploy SIGTERM 'taken back'
	until_true answers "$port" one
	expect 0 cdeploy
	until_true answers "$port" two
}

@test "an image by --image or IMAGE_REF fills the placeholder" {
	web one "$REPO:1"
	orcinus 'registry.example.org/group/<IMG_NAME>'
	expect 2 cdeploy
	message cdeploy orcinus.yml:4 IMG_NAME
	expect 0 cdeploy --image "$REPO:1"
	until_true answers "$port" one
	web two "$REPO:2"
	IMAGE_REF=$REPO@$(remote_digest "$REPO:2") expect 0 cdeploy
	until_true answers "$port" two
}

@test "a service of another project is refused" {
	web one "$REPO:1"
	orcinus "$REPO:1"
	expect 0 cdeploy --project first
	before=$(index)
	got=0
	cdeploy --project second >"$T/stdout" 2>"$T/stderr" || got=$?
	err=$(cat "$T/stderr") out=''
	[ "$got" -ne 0 ]
	message cdeploy first
	equal "$(index)" "$before"
}

@test "a registry with a password: the engine gets what it needs to pull" {
	htpasswd -Bbn -C 5 anna geheim-1 >"$T/passwords"
	private=$("$E2E_SERVERS/registry" start "$T/registry" htpasswd "$T/passwords")
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$private" "$(printf anna:geheim-1 | base64 -w0)" \
		>"$HOME/.docker/config.json"
	web one "$private/app:1"
	orcinus "$private/app:1"
	# the nodes would be given a token that is over: whoever pushed could look the image up, and they could not pull it
	expect 3 env CI_REGISTRY="$private" CI_REGISTRY_USER=anna CI_REGISTRY_PASSWORD=geheim-1 CI_DEPLOY_USER=token \
		CI_DEPLOY_PASSWORD=over cdeploy
	message cdeploy CI_DEPLOY_USER
	equal "$(services)" 0
	got=0
	cdeploy -v -v >"$T/stdout" 2>"$T/stderr" || got=$?
	err=$(cat "$T/stderr") out=$(cat "$T/stdout")
	answer=$(until_true answers "$port" one 2>&1) || :
	"$E2E_SERVERS/registry" stop "$T/registry"
	equal "$got" 0
	equal "$answer" ''
	has_no "$err" geheim-1
}

@test "--verify-key: an image that is not signed is not deployed, a signed one is" {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/k.key" 2>/dev/null
	openssl pkey -in "$T/k.key" -pubout -out "$T/k.pub"
	web one "$REPO:1"
	orcinus "$REPO:1"
	expect 3 cdeploy --verify-key "$T/k.pub"
	message cdeploy "$NAME-web" "$REPO:1" 'it is not signed'
	equal "$(services)" 0
	expect 0 cpush --sign-key "$T/k.key" "$REPO:1"
	expect 0 cdeploy --verify-key "$T/k.pub"
	equal "$out" "$NAME-web created $REPO:1@$(remote_digest "$REPO:1")"
}
