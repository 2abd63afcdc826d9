# No secret value in anything that cdeploy prints or starts: canaries in every place where a secret comes from,
# looked for in all outputs of all commands, as they are and in base64.

load helper

setup() {
	begin
	export CDEPLOY_STABLE=1ms CDEPLOY_PROJECT=e2e/$NAME
	"$E2E_SERVERS/certs" "$T/certs"
	at=$("$E2E_SERVERS/faults" start "$T/faults" "unix:${E2E_ENGINE#unix://}" \
		"tls=$T/certs/server.pem:$T/certs/server.key" "clientca=$T/certs/ca.pem")
	export DOCKER_HOST=tcp://localhost:${at##*:}
	OPTIONS=(--tls-ca "$T/certs/ca.pem" --tls-cert "$T/certs/client.pem" --tls-key "$T/certs/client.key" -f compose.yml)
	htpasswd -Bbn -C 5 anna canary-registry-1 >"$T/passwords"
	private=$("$E2E_SERVERS/registry" start "$T/registry" htpasswd "$T/passwords")
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false --dest-creds anna:canary-registry-1 \
		"docker://$BUSYBOX" "docker://$private/app:1"
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$private" "$(printf anna:canary-registry-1 | base64 -w0)" \
		>"$HOME/.docker/config.json"
	export SHOP_TOKEN=canary-variable-2
	# what a job of GitLab has in its environment
	export CI_JOB_TOKEN=canary-job-1 CI_REGISTRY=$private CI_REGISTRY_USER=anna CI_REGISTRY_PASSWORD=canary-registry-1
	export CI_DEPLOY_USER=anna CI_DEPLOY_PASSWORD=canary-registry-1
	export CI_REPOSITORY_URL=https://gitlab-ci-token:canary-job-1@git.example/team/app.git
	echo 'MAIL_PASSWORD="canary-envfile-3"' >mail.env
	compose 5
}

teardown() {
	engine stack rm "$NAME" >/dev/null 2>&1 || :
	"$E2E_SERVERS/faults" stop "$T/faults"
	"$E2E_SERVERS/registry" stop "$T/registry"
	[ ! -d "$T/jump" ] || "$E2E_SERVERS/sshd" stop "$T/jump"
}

# compose N [LINE...]: values that end in N, further lines of the service.
compose() {
	printf 'canary-secret-%s' "$1" >key.txt
	cat >compose.yml <<-EOF2
	name: $NAME
	secrets:
	  key: {file: key.txt}
	configs:
	  api_token: {content: "token = canary-config-$1"}
	networks:
	  default:
	    labels: {com.example.token: canary-network-1}
	volumes:
	  data:
	    labels: {com.example.token: canary-volume-$1}
	services:
	  web:
	    image: $private/app:1
	    command:
	      - sh
	      - -c
	      - "echo it runs; exec sleep 1000 # redis-cli -a canary-shell-$1; mysql -pcanary-mysql-$1; curl -u me:canary-pair-$1"
	      - redis-cli
	      - -a
	      - "canary two words-$1 canary"
	      - --api-key=canary-option-$1 canary
	      - --dsn
	      - mysql://me:canary-dsn-$1@db/x
	      - "--conn=host=db user=me password=canary-libpq-$1 sslmode=on"
	      - "Authorization: Bearer canary-bearer-$1"
	      - --set
	      - db.password=canary-set-$1
	      - -p
	      - canary-short-$1
	    healthcheck:
	      test: [CMD-SHELL, "true || mysqladmin ping -uroot -pcanary-health-$1"]
	      interval: 1s
	    labels:
	      com.example.api-key: canary-label-$1
	      com.example.url: "https://u:canary-link-$1@h/?token=canary-query-$1"
	    deploy:
	      labels:
	        traefik.http.middlewares.x.basicauth.users: "anna:canary-basic-$1"
	        traefik.http.middlewares.x.headers.customrequestheaders.Authorization: "Basic canary-header-$1"
	        com.example.cron: "0 3 * * * PGPASSWORD=canary-cron-$1 pg_dump; mycli -h mysql -u root -p canary-host-$1"
	        com.example.job.command: "sshpass -p canary-job-$1 ssh host"
	    volumes: ["data:/data"]
	    stop_signal: SIGKILL
	    secrets: [key]
	    configs: [api_token]
	    env_file: mail.env
	    environment:
	      GREETING: hello-$1
	      DB_PASSWORD: canary-literal-$1
	      SHOP_TOKEN: "\${SHOP_TOKEN}"
	      DATABASE_URL: "postgres://app:canary-url-$1@db/app"
	      CACHE_URL: "redis://:canary/slash-$1@cache:6379/0"
	      REDIS_AUTH: canary-auth-$1
	      JWT: canary-jwt-$1
	      CONNECTION: "Server=db;User Id=sa;Password=canary-ado-$1;"
	      STORAGE: "AccountName=x;AccountKey=canary-azure-$1=="
	      HOOK: "https://hooks.slack.com/services/canary-hook-$1"
	      PIN_CODE_PASS: cnry$1
	      JAVA_OPTS: "-Xmx1g -Dspring.password='canary two-$1' -Dx=y"
	      SETTINGS: '{"level": "info", "password": "canary json-$1"}'
	      PEM: "-----BEGIN PRIVATE KEY-----\\ncanary-pem-$1"
	      AUTH_URL: https://auth.example/login
	EOF2
	shift
	[ $# -eq 0 ] || printf '    %s\n' "$@" >>compose.yml
}

# said STATUS [OPTION...]: cdeploy, all that it says is kept, and its command line.
said() {
	local want=$1 got=0 pid
	shift
	cdeploy "${OPTIONS[@]}" "$@" >"$T/stdout" 2>"$T/stderr" </dev/null 3>&- &
	pid=$!
	tr '\0' ' ' <"/proc/$pid/cmdline" >>"$T/said" 2>/dev/null || :
	wait "$pid" || got=$?
	out=$(cat "$T/stdout") err=$(cat "$T/stderr")
	{
		printf -- '--- %s\n' "$*"
		cat "$T/stdout"
		cat "$T/stderr"
	} >>"$T/said"
	equal "$got" "$want" "cdeploy $*"
}

nothing_is_said() {
	local key
	key=$(sed -n 3p "$T/certs/client.key")
	[ "${#key}" -gt 30 ]
	{
		echo canary
		printf 'cnry%s\n' 5 6 7
		echo "$key"
		# base64 of it, whatever stands before
		printf 'canary' | base64
		printf 'xcanary-' | base64 | cut -c3-9
		printf 'xxcanary-' | base64 | cut -c4-11
	} >"$T/patterns"
	! grep -nF -f "$T/patterns" "$@" || fail 'a secret is told'
}

@test "no value of a secret is in any output, whatever is asked for and however it ends" {
	said 0 check -vvv --code-quality quality.json
	said 2 check -vvv --strict
	said 0 render -vvv
	has "$out" GREETING=hello-5
	has "$out" 'DB_PASSWORD=***'
	# what is no secret stays readable
	has "$out" AUTH_URL=https://auth.example/login
	has "$out" 'echo it runs; exec sleep 1000'
	has "$out" -Xmx1g
	has "$err" --show-secrets
	# who asks for them has them
	expect 0 cdeploy "${OPTIONS[@]}" render --show-secrets
	has "$out" DB_PASSWORD=canary-literal-5
	has "$out" postgres://app:canary-url-5@db/app
	expect 2 cdeploy "${OPTIONS[@]}" plan --show-secrets
	said 0 plan -vvv
	said 0 up --dry-run --json -vvv
	said 0 up -vvv --dotenv out.env --annotations annotations.json --progress json
	# other values: a difference has both
	compose 6
	said 0 plan -vvv
	has "$out" DB_PASSWORD
	said 0 plan --json --report report.json
	said 0 up -vvv
	said 0 up -vvv
	said 0 status -vvv
	said 0 status --json
	said 0 ps -vvv
	said 0 ps --json
	said 0 logs web -vvv
	has "$out" 'it runs'
	said 0 history -vvv
	said 0 history --json
	said 0 rollback --dry-run -vvv
	said 0 rollback --dry-run --json
	said 0 rollback -vvv
	said 0 scale web=2 -vvv
	said 0 unlock -vvv
	# what goes wrong
	compose 7 'entrypoint: [/bin/none]'
	said 9 up -vvv
	compose 7
	echo 'services: {web: {deploy: {placement: {constraints: ["node.labels.nowhere == yes"]}}}}' >nowhere.yml
	said 9 up -vvv -f nowhere.yml --pending-timeout 1s
	# its own words: addresses and named values in them are hidden, and what it was given
	compose 7 'entrypoint: [sh, -c, "echo DB_PASSWORD=canary-printed-7 postgres://app:canary/printed-7@db $$DB_PASSWORD, pin $$PIN_CODE_PASS.; exit 3"]'
	said 9 up -vvv
	has "$err" 'DB_PASSWORD=*** postgres://db ***, pin ***.'
	# no such image
	said 4 up -vvv --image "web=$private/app:none"
	# the engine quotes what it does not understand
	compose 7
	sed -i 's/canary-literal-7/"{{canary-template-7"/' compose.yml
	said 2 up -vvv
	compose 7 'DB_PASSWORD: canary-where-none-belongs'
	said 2 check
	sed -i 's/DB_PASSWORD: canary-literal/DB_PASSWORD: {x: canary-in-a-map}\n      OTHER: x/' compose.yml
	said 2 up -vvv
	compose 7
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$private" "$(printf anna:canary-wrong-1 | base64 -w0)" \
		>"$HOME/.docker/config.json"
	unset CI_REGISTRY CI_REGISTRY_USER CI_REGISTRY_PASSWORD CI_DEPLOY_USER CI_DEPLOY_PASSWORD
	said 3 up -vvv
	said 0 rm -vvv
	nothing_is_said "$T/said" out.env report.json quality.json annotations.json
}

@test "what cdeploy starts gets no secret in its arguments, nor in its environment what was not in cdeploy's own" {
	port=$("$E2E_SERVERS/sshd" start "$T/jump" "SetEnv DOCKER_HOST=$E2E_ENGINE")
	mkdir -p "$HOME/.ssh" "$T/bin"
	chmod 700 "$HOME/.ssh"
	printf 'IdentityFile %s\nIdentitiesOnly yes\nUserKnownHostsFile %s\n' "$T/jump/user" "$T/jump/known_hosts" \
		>"$HOME/.ssh/config"
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" >>"%s"\nenv >>"%s"\nexec /usr/bin/ssh -F "%s" "$@"\n' \
		"$T/arguments" "$T/environment" "$HOME/.ssh/config" >"$T/bin/ssh"
	chmod 755 "$T/bin/ssh"
	PATH=$T/bin:$PATH
	export DOCKER_HOST=ssh://root@127.0.0.1:$port
	OPTIONS=(-f compose.yml)
	said 0 up -vvv
	grep -q dial-stdio "$T/arguments"
	grep -q '^HOME=' "$T/environment"
	grep -vE '^(SHOP_TOKEN|CI_[A-Z_]+)=' "$T/environment" >"$T/others"
	nothing_is_said "$T/said" "$T/arguments" "$T/others"
}
