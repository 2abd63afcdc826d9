# A compose file becomes a stack: services, networks, secrets and configs that docker's own commands see.

load helper

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE CDEPLOY_STABLE=1ms CDEPLOY_PROJECT=e2e/$NAME
	port=$(free_port)
}

teardown() {
	engine stack rm "$NAME" >/dev/null 2>&1 || :
}

# A server that shows what is in a secret and a config of the image's service.
shower() {
	mkdir -p show
	printf '#!/bin/sh\ntrap "exit 0" TERM\ncat /run/secrets/key /setting >/www/index.html\n' >show/serve
	printf 'httpd -f -p 8080 -h /www &\nwait\n' >>show/serve
	dockerfile show/Dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY --chmod=755 serve /bin/serve
	COPY empty /www/
	CMD ["/bin/serve"]
	EOF2
	: >show/empty
	expect 0 cbuild -t "$REPO:show" show
	expect 0 cpush "$REPO:show"
}

# compose KEYS...: services.web with further lines.
compose() {
	cat >compose.yml <<-EOF2
	name: $NAME
	services:
	  web:
	    image: $REPO:show
	    ports: [{target: 8080, published: $port, mode: host}]
	    secrets: [key]
	    configs: [setting]
	    environment: {GREETING: "\${GREETING:-hello}"}
	    healthcheck: {test: wget -q -O /dev/null http://127.0.0.1:8080/, interval: 1s, retries: 10}
	secrets:
	  key: {file: key.txt}
	configs:
	  setting: {content: "b\n"}
	EOF2
	[ $# -eq 0 ] || printf '%s\n' "$@" >>compose.yml
}

indexes() {
	engine service inspect --format '{{.Version.Index}}' "${NAME}_web"
	engine secret ls -q | sort
	engine config ls -q --filter "label=com.docker.stack.namespace=$NAME" | sort
}

secrets() {
	engine secret ls --filter "label=com.docker.stack.namespace=$NAME" --format '{{.Name}}'
}

@test "a stack of a compose file is docker's stack, and its secret changes with its data" {
	shower
	compose
	echo a-secret-thing >key.txt
	expect 0 cdeploy -f compose.yml
	equal "${out% *}" "${NAME}_web created"
	has "$err" "compose.yml is read as compose: 'name' on line 1"
	until_true answers "$port" "$(printf 'a-secret-thing\nb')"
	# docker's own commands
	has "$(engine stack ls --format '{{.Name}} {{.Services}}')" "$NAME 1"
	has "$(engine stack ps --format '{{.Name}}' "$NAME")" "${NAME}_web.1"
	has "$(engine stack services --format '{{.Name}}' "$NAME")" "${NAME}_web"
	has "$(engine network ls --format '{{.Name}}')" "${NAME}_default"

	# nothing changed: nothing written
	before=$(indexes)
	tasks=$(engine service ps -q "${NAME}_web" | sort)
	expect 0 cdeploy -v -f compose.yml
	equal "${out% *}" "${NAME}_web unchanged"
	has_no "$err" "engine: POST"
	has_no "$err" "engine: DELETE"
	equal "$(indexes)" "$before"
	equal "$(engine service ps -q "${NAME}_web" | sort)" "$tasks"

	# another secret is another object; the old one stays as long as a revision needs it
	old=$(secrets)
	echo another-secret >key.txt
	expect 0 cdeploy -v -f compose.yml
	equal "${out% *}" "${NAME}_web updated"
	until_true answers "$port" "$(printf 'another-secret\nb')"
	equal "$(secrets | wc -l)" 2
	has "$(secrets)" "$old"
	# which none does when the history is not there
	forget
	echo a-third-one >key.txt
	expect 0 cdeploy -v -f compose.yml
	has "$err" "secret '$old' removed"
	equal "$(secrets | wc -l)" 1
	has_no "$err$out" another-secret
	expect 0 cdeploy -f compose.yml render
	has_no "$out" another-secret

	# a deploy that fails keeps what the version before runs with
	old=$(secrets)
	echo bad-secret >key.txt
	cp compose.yml good.yml
	sed -i 's,^    secrets:,    entrypoint: ["/bin/none"]\n&,' compose.yml
	expect 9 cdeploy -f compose.yml
	has "$(secrets)" "$old"
	until_true answers "$port" "$(printf 'a-third-one\nb')"
	# and is all that the next one needs
	echo a-third-one >key.txt
	mv good.yml compose.yml
	expect 0 cdeploy -f compose.yml
	equal "${out% *}" "${NAME}_web unchanged"

	# docker takes all of it away
	engine stack rm "$NAME" >/dev/null
	equal "$(secrets)" ""
	until_true no_stack

	# and so does cdeploy
	expect 0 cdeploy -f compose.yml
	[ -n "$(secrets)" ]
	expect 0 cdeploy rm -f compose.yml
	equal "$(secrets)" ""
	equal "$(engine config ls -q --filter "label=com.docker.stack.namespace=$NAME")" ""
	no_stack
}

# The history of this project.
forget() {
	# shellcheck disable=SC2046 # a list of ids
	engine config rm $(engine config ls -q --filter name=cdeploy-) >/dev/null
}

no_stack() {
	[ -z "$(engine stack ls --format '{{.Name}}' | grep -x "$NAME")" ] &&
		[ -z "$(engine network ls -q --filter "name=${NAME}_")" ]
}

@test "a stack that docker has just removed can be deployed at once, though its tasks are ending in its networks" {
	mkdir "$T/told"
	# what is asked to end does so when it is told
	printf '%s\n' "name: $NAME" services: "  web: {image: $BUSYBOX, stop_grace_period: 5m, volumes: ['$T/told:/told']," \
		"    command: [sh, -c, 'until [ -e /told/end ]; do sleep 0.1; done']}" >compose.yml
	expect 0 cdeploy -f compose.yml
	engine stack rm "$NAME" >/dev/null
	printf '%s\n' "name: $NAME" services: "  web: {image: $BUSYBOX, command: [sleep, '1000'], stop_grace_period: 1s}" >compose.yml
	cdeploy -f compose.yml >"$T/stdout" 2>"$T/stderr" 3>&- </dev/null &
	until_true grep -q "network '${NAME}_default' is being removed" "$T/stderr"
	touch "$T/told/end"
	wait "$!"
	equal "$(engine service ps --filter desired-state=running --format '{{.CurrentState}}' "${NAME}_web" | cut -d' ' -f1)" Running
}

@test "what is made in a swarm is as several files and variables have it" {
	shower
	compose 'networks:' '  default: {attachable: true, labels: {a: b}, ipam: {config: [{subnet: 10.231.7.0/24, gateway: 10.231.7.3, ip_range: 10.231.7.128/25}]}}'
	echo k >key.txt
	printf 'services: {web: {volumes: ["data:/data"], deploy: {labels: {from: more}}}}\nvolumes: {data: {}}\n' >more.yml
	echo 'GREETING="good day"' >vars
	expect 0 cdeploy -f compose.yml -f more.yml --env-file vars
	spec=$(engine service inspect --format '{{json .Spec}}' "${NAME}_web")
	has "$spec" '"GREETING=good day"'
	has "$spec" '"from":"more"'
	has "$spec" "\"Source\":\"${NAME}_data\""
	has "$(engine network inspect --format '{{json .Attachable}} {{json .Labels}}' "${NAME}_default")" 'true'
	has "$(engine network inspect --format '{{json .Labels}}' "${NAME}_default")" '"a":"b"'
	equal "$(engine network inspect --format '{{json .IPAM.Config}}' "${NAME}_default")" \
		'[{"Subnet":"10.231.7.0/24","IPRange":"10.231.7.128/25","Gateway":"10.231.7.3"}]'
	# a stack without secrets leaves none behind that no revision needs
	forget
	sed -i -e '/secrets: \[key\]/d' -e '/^secrets:/,/key.txt/d' -e '/configs: \[setting\]/d' -e '/^configs:/,/setting/d' compose.yml
	expect 0 cdeploy -f compose.yml -f more.yml
	equal "${out% *}" "${NAME}_web updated"
	equal "$(secrets)" ""
	equal "$(engine config ls -q --filter "label=com.docker.stack.namespace=$NAME")" ""
}

@test "what is external must be there under exactly its name" {
	compose
	sed -i 's/key: {file: key.txt}/key: {external: true, name: nobody-has-this}/' compose.yml
	expect 4 cdeploy -f compose.yml --registry-auth none --image "web=$BUSYBOX"
	has "$err" "secret 'nobody-has-this' does not exist in the swarm; it is external"
	equal "$(engine service ls -q --filter "name=$NAME")" ""
}

@test "a wrong compose file and one of Kubernetes end with 2 and the place" {
	compose '  wrong: {fil: x}'
	expect 2 cdeploy -f compose.yml check
	has "$err" "configs.wrong.fil: unknown key; did you mean 'file'?"
	has "$err" 'compose.yml:14:11:'
	printf 'apiVersion: v1\nkind: Pod\n' >orcinus.yml
	expect 2 cdeploy check
	has "$err" 'document 1 is one of Kubernetes (kind Pod)'
}
