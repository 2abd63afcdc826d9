# What cdeploy shows: plans, tables, logs, and what it tells a pipeline. One engine, one stack for most of it.

load helper

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE CDEPLOY_STABLE=1s
}

teardown() {
	remove_services
}

# orcinus IMAGE [LINE...]: one service NAME-web, further lines below it.
orcinus() {
	printf 'stack: "%s"\nservices:\n    %s:\n        image: "%s"\n' "$NAME" "$NAME-web" "$1" >orcinus.yml
	shift
	[ $# -eq 0 ] || printf '        %s\n' "$@" >>orcinus.yml
}

@test "a plan shows each change and what it costs, and changes nothing" {
	web one "$REPO:1"
	orcinus "$REPO:1" 'environment:' '- "DB_PASSWORD=canary-1"' 'labels:' '    com.example.team: "x"'
	expect 8 cdeploy plan --exit-code --report plan.json
	has "$out" "network $NAME: create"
	has "$out" "$NAME-web: create"
	grep -qE '^  [+] environment DB_PASSWORD  +[*]{3}$' <<<"$out"
	equal "$(cat plan.json)" '{"create":1,"update":0,"delete":0}'
	equal "$(engine service ls -q --filter "name=$NAME-web")" ''
	expect 0 cdeploy
	expect 0 cdeploy plan --exit-code
	has "$out" "$NAME-web: unchanged"

	web two "$REPO:2"
	orcinus "$REPO:2" 'environment:' '- "DB_PASSWORD=canary-2"' 'labels:' '    com.example.team: "y"'
	before=$(engine service inspect --format '{{.Version.Index}}' "$NAME-web")
	expect 0 cdeploy --dry-run --json
	equal "$(jq -r '"\(.create) \(.update) \(.delete)"' <<<"$out")" '0 1 0'
	equal "$(jq -r '.services[0].changes[] | select(.field == "label com.example.team") | "\(.old) \(.new) \(.restarts)"' <<<"$out")" \
		'x y false'
	digest=$(remote_digest "$REPO:2")
	has "$(jq -r '.services[0].changes[] | select(.field == "image").new' <<<"$out")" "$REPO:2@${digest%"${digest#sha256:????????????}"}"
	equal "$(engine service inspect --format '{{.Version.Index}}' "$NAME-web")" "$before"
	expect 0 cdeploy plan -vvv
	has "$out" "$NAME-web: update, its tasks are restarted"
	has_no "$out$err" canary
}

@test "an option that a command has no use for is refused" {
	orcinus "$REPO:1"
	expect 2 cdeploy up --exit-code
	message cdeploy 'up: has no use for --exit-code'
	expect 2 cdeploy check --json
	message cdeploy 'check: has no use for --json'
}

@test "what runs is shown, read, scaled and removed, and other projects' services are left alone" {
	web one "$REPO:1"
	orcinus "$REPO:1" 'environment:' '- "API_TOKEN=canary-3"' 'commands: ["sh", "-c", "'\''echo hello; echo oops >&2; exec sleep 1000'\''"]'
	engine service create -q --name "$NAME-free" --detach "$BUSYBOX" sleep 1000 >/dev/null
	expect 0 cdeploy status
	has "$out" 'not deployed'
	expect 0 cdeploy
	expect 0 cdeploy status -vvv
		grep -qE "^$NAME-web +replicated +1/1 +$REPO:1@sha256:[0-9a-f]{12}$" <<<"$out"
	has_no "$out$err" canary
	expect 0 cdeploy ps -vvv
		grep -qE "^$NAME-web\.1 .* running +Running ([0-9]+ (second|minute)|now)" <<<"$out"
	has_no "$out$err" canary
	expect 0 cdeploy ps --json
	equal "$(jq -r '.[0].state' <<<"$out")" running

	expect 0 cdeploy logs "$NAME-web" --tail 5 -vvv
	has "$out" "$NAME-web.1 | hello"
	has "$out" "$NAME-web.1 | oops"
	has_no "$out$err" canary
	expect 0 cdeploy logs "$NAME-web" --since 2100-01-01T00:00:00Z
	equal "$out" ''
	expect 4 cdeploy logs "$NAME-nothing"

	expect 0 cdeploy scale "$NAME-web=2"
	equal "$out" "$NAME-web scaled 2"
	equal "$(engine service ls --filter "name=$NAME-web" --format '{{.Replicas}}')" 2/2
	expect 4 cdeploy scale "$NAME-free=2"
	expect 2 cdeploy scale "$NAME-web"

	expect 4 cdeploy scale "$NAME-web=3" --project somebody-else
	expect 0 cdeploy rm --project somebody-else
	equal "$(engine service ls -q --filter "name=$NAME" | wc -l)" 2
	expect 0 cdeploy rm -vvv
	has "$out" "$NAME-web removed"
	has_no "$out$err" canary
	equal "$(engine service ls --filter "name=$NAME" --format '{{.Name}}')" "$NAME-free"
	equal "$(engine network ls -q --filter "name=$NAME")" ''
	engine service rm "$NAME-free" >/dev/null
}

@test "check finds literal secrets, tells no value, and fails for them only when asked to" {
	orcinus "$REPO:1" 'environment:' '- "DB_PASSWORD=canary-4"' 'nonsense: 1'
	expect 0 cdeploy check --code-quality quality.json
	has "$err" 'orcinus.yml:6: literal-secret:'
	# before there is an image
	orcinus "${REPO%/*}/<IMG_NAME>:prod"
	expect 0 cdeploy check --strict
	expect 2 cdeploy render
	message cdeploy "'<IMG_NAME>' is not filled"
	orcinus "$REPO:1" 'environment:' '- "DB_PASSWORD=canary-4"' 'nonsense: 1'
	expect 0 cdeploy check --code-quality quality.json
	has_no "$out$err$(cat quality.json)" canary
	equal "$(jq -r '.[] | select(.check_name == "literal-secret") | "\(.location.path) \(.location.lines.begin) \(.severity)"' quality.json)" \
		'orcinus.yml 6 major'
	equal "$(jq -r '[.[] | select(.check_name == "reader")] | length' quality.json)" 1
	expect 2 cdeploy check --strict
	message cdeploy 'findings (--strict)'
	printf 'services: [\n' >orcinus.yml
	expect 2 cdeploy check --code-quality quality.json
	equal "$(jq -r '.[0].severity' quality.json)" blocker
}
