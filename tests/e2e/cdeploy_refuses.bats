# What cdeploy says no to: wrong files, engines that are not there or have no swarm.

load helper

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE
	printf 'stack: "%s"\nservices:\n    web:\n        image: "%s"\n' "$NAME" "$BUSYBOX" >orcinus.yml
}

teardown() {
	[ ! -d "$E2E_DIR/engine2" ] || "$E2E_SERVERS/engine" stop "$E2E_DIR/engine2"
	rm -rf "$E2E_DIR/engine2"
}

@test "a value that cannot be used is status 2 with its line, and the engine is not asked" {
	printf '        replicas: many\n' >>orcinus.yml
	DOCKER_HOST=unix://$T/none.sock expect 2 cdeploy
	message cdeploy orcinus.yml:5:19 replicas
	has "$err" '     5 |         replicas: many'
	has "$err" '       |                   ^^^^'
	expect 2 cdeploy check
	message cdeploy orcinus.yml:5
}

@test "a file as an editor of Windows writes it is read, and its first line is not moved" {
	{ printf '\357\273\277'; sed 's/$/\r/' orcinus.yml; } >orcinus.windows
	mv orcinus.windows orcinus.yml
	expect 0 cdeploy render
	equal "$(jq -r '.[0] | .Name + " " + .TaskTemplate.Networks[0].Target' <<<"$out")" "web $NAME"
	sed -i '1s/"[^"]*"/[x]/' orcinus.yml
	expect 2 cdeploy check
	message cdeploy orcinus.yml:1:8 stack
}

@test "a file that is no YAML is status 2 with its line" {
	printf '\t- x\n' >>orcinus.yml
	expect 2 cdeploy
	message cdeploy orcinus.yml:5
}

@test "a key that it does not know is a warning with its line, and the rest counts" {
	printf '        colour: red\n' >>orcinus.yml
	expect 0 cdeploy render
	has "$err" orcinus.yml:5
	has "$err" colour
	equal "$(jq -r '.[0].Name' <<<"$out")" web
}

@test "no file is status 4 and names what was looked for" {
	rm orcinus.yml
	expect 4 cdeploy
	message cdeploy orcinus.yml
}

@test "an unknown option or command is status 2" {
	expect 2 cdeploy --no-such-option
	message cdeploy --no-such-option
	expect 2 cdeploy destroy
	message cdeploy destroy
	expect 2 cdeploy --timeout 0s check
	message cdeploy --timeout
	# which no rollout could keep
	expect 2 cdeploy --timeout 10s --stable 10s
	message cdeploy --stable
}

@test "no engine is status 5 and says where it was looked for" {
	DOCKER_HOST=unix://$T/none.sock expect 5 cdeploy
	message cdeploy "$T/none.sock"
	DOCKER_HOST=tcp://127.0.0.1:$(free_port) expect 5 cdeploy
	message cdeploy 127.0.0.1
}

@test "an engine without a swarm is status 5 and says so" {
	DOCKER_HOST=$("$E2E_SERVERS/engine" start "$E2E_DIR/engine2")
	cp "$E2E_DIR/engine2/name" "$E2E_DIR/engine2-name"
	docker -H "$DOCKER_HOST" swarm leave --force >/dev/null
	expect 5 cdeploy
	message cdeploy swarm
}

@test "render needs neither engine nor registry" {
	DOCKER_HOST=unix://$T/none.sock expect 0 cdeploy render --image registry.example.org/x:1
	equal "$(jq length <<<"$out")" 1
}

@test "an orcinus file for one environment goes before the general one" {
	sed 's/web:/web-staging:/' orcinus.yml >orcinus-staging.yml
	expect 0 cdeploy render --env staging
	equal "$(jq -r '.[0].Name' <<<"$out")" web-staging
	CI_ENVIRONMENT_NAME=staging/web expect 0 cdeploy render
	equal "$(jq -r '.[0].Name' <<<"$out")" web-staging
	CI_ENVIRONMENT_NAME=staging expect 0 cdeploy render --env production
	equal "$(jq -r '.[0].Name' <<<"$out")" web
}
