# docs/MIGRATING.md: who comes from orcinus or docker stack deploy finds their services in place, and the job that the page
# shows goes on with them.

load helper

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE CDEPLOY_STABLE=1s CI_REGISTRY_IMAGE=$REPO
	port=$(free_port)
	# the page's project, in a swarm that this test has not alone
	service=shop-$NAME
	image
}

teardown() {
	engine service rm "$service" "${service}_web" >/dev/null 2>&1 || :
	engine stack rm "$service" >/dev/null 2>&1 || :
	until_true gone "$service"
}

# The network, once its last task has left it.
gone() {
	engine network rm "$1" >/dev/null 2>&1 || ! engine network inspect "$1" >/dev/null 2>&1
}

# A service that says its version.
image() {
	mkdir image
	dockerfile image/Dockerfile <<-EOF2
	FROM $BUSYBOX
	ARG V
	RUN mkdir -p /www && echo "version \$V" >/www/index.html
	CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
	EOF2
	for v in 1 2; do
		expect 0 cbuild -q --push --build-arg "V=$v" -t "$REPO/shop:$v" image
	done
}

# The N-th script below HEADING, with this test's names in the place of the page's.
script_of() {
	sed -n "/^## $1/,/^## /p" "$BATS_TEST_DIRNAME/../../docs/MIGRATING.md" |
		awk -v n="$2" '/^```yaml$/ { at++ } at == n && sub(/^    - /, "")' | sed "s/--project shop/--project $service/"
}

@test "a service that orcinus has created is updated in place by the page's job" {
	mkdir shop
	cat >shop/orcinus.yml <<-EOF2
	stack: $service
	services:
	  $service:
	    image: $REPO/<IMG_NAME>
	    ports:
	      - "published=$port,target=8080,mode=host"
	EOF2
	# what orcinus does with it on the manager
	script_of 'From an orcinus job' 1 | grep -q '^ssh root@k1 orcinus create -f ' || fail 'the page has another job'
	engine network create -d overlay "$service" >/dev/null
	engine service create -q --name "$service" --network "$service" --publish "published=$port,target=8080,mode=host" "$REPO/shop:1" >/dev/null
	until_true answers "$port" 'version 1'
	id=$(engine service inspect --format '{{.ID}}' "$service")

	expect 0 skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REPO/shop:2" "docker://$REPO/shop:latest"
	script_of 'From an orcinus job' 2 >"$T/script"
	equal "$(cat "$T/script")" 'cdeploy --dir shop --image "$CI_REGISTRY_IMAGE/shop:latest"'
	expect 0 sh -eu "$T/script"
	equal "${out% *}" "$service updated"
	has "$err" "'$service' was nobody's until now"
	until_true answers "$port" 'version 2'
	equal "$(engine service inspect --format '{{.ID}}' "$service")" "$id"
	expect 0 sh -eu "$T/script"
	equal "${out% *}" "$service unchanged"
}

@test "a stack that docker has deployed goes on as the same stack, and docker's commands still know it" {
	cat >compose.yml <<-EOF2
	version: "3.8"
	services:
	  web:
	    image: $REPO/shop:1
	    ports: [{target: 8080, published: $port, mode: host}]
	    configs: [setting]
	configs:
	  setting: {file: ./setting}
	EOF2
	echo a >setting
	script_of 'From docker stack deploy' 1 | grep -q '^docker stack deploy ' || fail 'the page has another job'
	engine stack deploy --prune -c compose.yml "$service"
	until_true answers "$port" 'version 1'
	id=$(engine service inspect --format '{{.ID}}' "${service}_web")

	sed -i 's/shop:1/shop:2/' compose.yml
	script_of 'From docker stack deploy' 2 >"$T/script"
	has "$(cat "$T/script")" "cdeploy -f compose.yml --project $service"
	expect 0 sh -eu "$T/script"
	equal "${out% *}" "${service}_web updated"
	until_true answers "$port" 'version 2'
	equal "$(engine service inspect --format '{{.ID}}' "${service}_web")" "$id"
	equal "$(engine stack services --format '{{.Name}}' "$service")" "${service}_web"
}
