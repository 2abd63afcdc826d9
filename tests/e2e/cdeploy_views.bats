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
