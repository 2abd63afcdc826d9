/* What may be a secret in a text is not shown, and the rest is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/mask.h"

static void assert_masked(const char *text, const char *want)
{
	auto_free char *got = mask_text(span_of_str(text));

	assert_string_equal(want, got);
}

static const char *const open_logins[] = {
	"registry:5000/x@main",	  "name:1.2@sha256:abcd", "npm:react@next",
	"mailto:me@example.com",  "typescript:x@5.1.2",	  "server:/export@snap",
	"git@host:group/project", "user@host:/path",	  "a: b@c",
};

static void values_of_names_that_sound_secret_are_hidden(void **state)
{
	(void)state;
	assert_masked("--password=hunter2 --level=3", "--password=*** --level=3");
	assert_masked("DB_PASSWORD2=hunter2", "DB_PASSWORD2=***");
	assert_masked("API_KEY1=hunter2", "API_KEY1=***");
	assert_masked("run --token hunter2 --user me", "run --token *** --user me");
	assert_masked("o=addr=nas,username=me,password=a,b=c",
		      "o=addr=nas,username=me,password=***");
	assert_masked("{\"password\":1} DB_PASSWORD: hunter2",
		      "{\"password\":*** DB_PASSWORD: ***");
	assert_masked("{\"user\":\"me\",\"password\":\"hunter2\"}",
		      "{\"user\":\"me\",\"password\":***");
	assert_masked("{\"password\": \"hunter2\" }", "{\"password\": *** }");
	assert_masked("{\\\"password\\\":\\\"hunter2\\\"}", "{\\\"password\\\":***");
	assert_masked("app:hunter2@tcp(db:3306)/shop", "app:***");
	assert_masked("app:hunter2@unix(/run/db)/shop", "app:***");
	assert_masked("password:hunter2", "password:***");
	assert_masked("http://me:hunter2@host/path x", "http://host/path x");
	assert_masked("postgres://app:hunter/2@db/app", "postgres://db/app");
	assert_masked("curl -H 'Authorization: Bearer hunter2'",
		      "curl -H 'Authorization: Bearer ***");
	assert_masked("curl -H 'Authorization: Token hunter2' x",
		      "curl -H 'Authorization: Token *** x");
	assert_masked("curl -H X-Api-Key: hunter2", "curl -H X-Api-Key: ***");
	assert_masked("admin:$apr1$hunter2", "admin:***");
	assert_masked("clone oauth2:glpat-hunter2 x", "clone oauth2:*** x");
	assert_masked("-----BEGIN PRIVATE KEY-----\nhunter2\nhunter3\n", "***");
}

static void an_address_without_a_scheme_hides_its_password(void **state)
{
	(void)state;
	assert_masked("dial me:hunter2@db.example:5432/shop", "dial me:***");
	assert_masked("'me:hunter2@10.0.0.5'", "'me:***");
	assert_masked("dsn=me:hunter2@tcp(db)?x=http://a@b", "dsn=me:***");
	assert_masked("http://h,me:hunter2@db", "http://db");
	for (size_t i = 0; i < ARRAY_LEN(open_logins); i++)
		assert_masked(open_logins[i], open_logins[i]);
}

static void what_looks_random_is_hidden(void **state)
{
	static const char *const open[] = {
		"8f14e45fceea167a5a36dedd4bea2543ab12cd34ef56ab78cd90ef12ab34cd56",
		"3F2504E0-4F89-41D3-9A0C-0305E82C3301",
		"AbstractSingletonProxyFactoryBean2WithLongName",
		"/usr/lib/x86_64-linux-gnu/libQt5WebEngineCore",
		"group/Project-Name/Sub_Group/image-v2",
		"/builds/AcmeCorp/WebShop2/FrontEnd/dist",
		"com/acme/GetUserByIdV2FromDbImpl",
		"q7Zk2pLw9XcV4bN8mT1r", /* too short to know */
	};

	(void)state;
	assert_masked("KUBECONFIG_B64=YXBpVmVyc2lvbjogdjEKY2x1c3RlcnM6Ci0gY2x1c3Rlcjo=",
		      "KUBECONFIG_B64=***");
	assert_masked("use q7Zk2pLw9XcV4bN8mT1rY6sD3fG5hJ0k now", "use *** now");
	assert_masked("wJ2lrXUtn7EMI/K7MD3NG/bPx9fiCYzY4mPlQ8eK", "***");
	for (size_t i = 0; i < ARRAY_LEN(open); i++)
		assert_masked(open[i], open[i]);
}

static void tokens_are_known_by_their_beginning(void **state)
{
	(void)state;
	assert_masked("use npm_hunter2hunter2hunter2hunter2hunter2hu", "use ***");
	assert_masked("x:dckr_pat_hunter2", "x:***");
	assert_masked("https://discord.com/api/webhooks/1/hunter2", "https://***");
	assert_masked("a\\nglpat-hunter2 b%3Dghp_hunter2hunter2hunter2", "a\\n*** b%3D***");
	/* in the midst of a word these are something else */
	assert_masked("task_test_ask_test_x", "task_test_ask_test_x");
	assert_masked("pnpm_config_store_directory_is_a_long_name",
		      "pnpm_config_store_directory_is_a_long_name");
}

/* They say why a task failed, to people who have to mend it. */
static void reasons_of_failures_are_shown(void **state)
{
	static const char *const texts[] = {
		"KeyError: 'DATABASE_URL'",
		"JsonWebTokenError: invalid signature",
		"UnauthorizedError: jwt malformed",
		"exec: \"auth-api\": executable file not found in $PATH",
		"exec: \"token-worker\": executable file not found in $PATH",
		"pull access denied: no basic auth credentials",
		"missing bearer token",
		"lookup auth: no such host",
		"lookup auth on 127.0.0.11:53: no such host",
		"at /app/src/token.service.ts:42:7",
		"at com.acme.KeyStore.load(KeyStore.java:42)",
		"No such image: reg/team/token:1.2",
		"password authentication failed for user 'app' (using password: YES)",
		"the task was ended by 'x'; set KEY failed; could not set password: denied",
		"invalid token: signature mismatch",
		"Error: Environment variable JWT_SECRET is required",
		"WRONGPASS invalid username-password pair",
		"The SECRET_KEY setting must not be empty",
		"invalid password: must be longer than 8",
		"invalid password: it's too short for user bob",
		"secret: isn't set",
		"token: won't do",
		"password: contains user's name",
		"could not set password for user bob: denied",
		"identified by x",
		"set auth ldap",
		"FATAL: password: authentication failed for user 'app'",
		"secret: open /run/secrets/x: no such file or directory",
		"dial tcp: lookup cookie:8080: no such host",
		"cannot reach cookie:27017/x",
		"SMTP_AUTH=login REDIS_AUTH=1 JWT=30m --auth ldap --auth=required AUTH: ldap",
		"{\"auth\":\"ldap\", \"cookie\": \"strict\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_masked(texts[i], texts[i]);
	assert_masked("{\"auth\": \"hunter2\"}", "{\"auth\": ***");
	assert_masked("{\"JWT_SECRET_OLD\": \"hunter2\"}", "{\"JWT_SECRET_OLD\": ***");
	assert_masked("{'password': 'hunter2'}", "{'password': ***");
	assert_masked("{'auth':'hunter2'}", "{'auth':***");
	assert_masked("DB_PASSWORD_2: hunter2", "DB_PASSWORD_2: ***");
	assert_masked("authorization: basic hunter2", "authorization: basic ***");
	assert_masked("Cookie: sid=hunter2", "Cookie: ***");
}

/* Of names that mean both a short word is open; of others none is. */
static void settings_are_shown_of_names_that_have_them(void **state)
{
	(void)state;
	assert_masked("REDIS_AUTH=12345 x", "REDIS_AUTH=*** x");
	assert_masked("REDIS_AUTH=login1", "REDIS_AUTH=***");
	assert_masked("PASSWORD=login TOKEN=1", "PASSWORD=*** TOKEN=***");
	assert_masked("--password login --token 1", "--password *** --token ***");
	assert_masked("--auth hunter2", "--auth ***");
	assert_masked("password: hunter2 must", "password: *** must");
	assert_masked("--password must", "--password ***");
}

/* A word that is called like a program may be a host, a user or a database. */
static void only_the_first_word_is_surely_a_program(void **state)
{
	static const char *const texts[][2] = {
		{ "mycli -h mysql -u root -p hunter2", "mycli -h mysql -u root -p ***" },
		{ "mycli mysql -u root -p hunter2", "mycli mysql -u root -p ***" },
		{ "sudo mycli mysql -u root -p hunter2", "sudo mycli mysql -u root -p ***" },
		{ "sudo -u mysql mycli -u root -p hunter2", "sudo -u mysql mycli -u root -p ***" },
		{ "docker exec mkdir mycli -u root -p hunter2",
		  "docker exec mkdir mycli -u root -p ***" },
		{ "DB=mysql mycli -u root -p hunter2", "DB=mysql mycli -u root -p ***" },
		/* but it may be one */
		{ "docker exec -it db mysql -phunter2", "docker exec -it db mysql -p***" },
		{ "docker exec db redis-cli -c -a hunter2", "docker exec db redis-cli -c -a ***" },
		{ "kubectl exec -it mysql -- mysql -phunter2 x",
		  "kubectl exec -it mysql -- mysql -p*** x" },
		{ "sudo -E mysql -phunter2", "sudo -E mysql -p***" },
		{ "nice -n 5 mysql -phunter2", "nice -n 5 mysql -p***" },
		{ "timeout 5 mysql -phunter2", "timeout 5 mysql -p***" },
		{ "find . -exec mysql -phunter2 {} +", "find . -exec mysql -p*** {} +" },
		{ "X=$(mysql -phunter2 -e x)", "X=$(mysql -p*** -e x)" },
		{ "true;mysql -phunter2", "true;mysql -p***" },
		{ "entry.sh mysql -phunter2", "entry.sh mysql -p***" },
		/* and what it is not is open again */
		{ "sudo -u me mkdir -p data", "sudo -u me mkdir -p data" },
		{ "sshpass -p hunter2 ssh -u me -p data", "sshpass -p *** ssh -u me -p data" },
		{ "sh -c 'curl -s x' redis-cli -a hunter2", "sh -c 'curl -s x' redis-cli -a ***" },
		{ "redis-cli -u me && mysql -p shop", "redis-cli -u me && mysql -p shop" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_masked(texts[i][0], texts[i][1]);
}

static void a_password_that_begins_like_a_switch_is_hidden(void **state)
{
	(void)state;
	assert_masked("--password=no!Way2guess", "--password=***");
	assert_masked("token=on/abc", "token=***");
	assert_masked("PASSWORD=true@x", "PASSWORD=***");
	assert_masked("password:no!Way2guess", "password:***");
	assert_masked("[password=no, 'auth=off' {\"key\":null,\"token\":true}",
		      "[password=no, 'auth=off' {\"key\":null,\"token\":true}");
}

/* The options of one program are none of the next one's. */
static void a_command_ends_with_its_line(void **state)
{
	(void)state;
	assert_masked("sh -c 'mkdir -p /data\ndocker login -u me -p hunter2'",
		      "sh -c 'mkdir -p /data\ndocker login -u me -p ***");
	assert_masked("mkdir -p x & docker login -u me -p hunter2",
		      "mkdir -p x & docker login -u me -p ***");
	assert_masked("mysql -u root \\\n  -phunter2 x", "mysql -u root \\\n  -p*** x");
	assert_masked("redis-cli -a \\\n  hunter2 ping", "redis-cli -a \\\n  *** ping");
}

/* A command that ends in quotes, or begins there, is another. */
static void a_command_goes_on_behind_quotes(void **state)
{
	static const char *const texts[][2] = {
		{ "mysql -uroot -e \"SELECT 1; SELECT 2\" -phunter2",
		  "mysql -uroot -e \"SELECT 1; SELECT 2\" -p***" },
		{ "mysql -uroot -e 'a\nb' -phunter2", "mysql -uroot -e 'a\nb' -p***" },
		{ "mongosh -u root \"mongodb://db/x?a=b&c=d\" -p hunter2",
		  "mongosh -u root \"mongodb://db/x?a=b&c=d\" -p ***" },
		{ "mongosh mongodb://db/x?a=b&c=d -p hunter2",
		  "mongosh mongodb://db/x?a=b&c=d -p ***" },
		{ "sqlcmd -Q SELECT(1) -P hunter2", "sqlcmd -Q SELECT(1) -P ***" },
		{ "redis-cli 'a|b;c' -a hunter2", "redis-cli 'a|b;c' -a ***" },
		{ "redis-cli 'a;' -a hunter2", "redis-cli 'a;' -a ***" },
		{ "tool -u me \"a; b\" -p hunter2", "tool -u me \"a; b\" -p ***" },
		{ "A=\"b c\" redis-cli -a hunter2", "A=\"b c\" redis-cli -a ***" },
		{ "\"/usr/bin/mysql\" -uroot -phunter2", "\"/usr/bin/mysql\" -uroot -p***" },
		{ "f()(mysql -phunter2)", "f()(mysql -p***" },
		{ "echo 'x'|mysql -phunter2", "echo 'x'|mysql -p***" },
		{ "sh -c \"true;mysql -phunter2\"", "sh -c \"true;mysql -p***" },
		{ "redis-cli --pass 'a b; c' -a hunter2", "redis-cli --pass *** -a ***" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_masked(texts[i][0], texts[i][1]);
}

/* Whoever hides a word only would show the rest of it. */
static void what_stands_in_quotes_is_hidden_to_their_end(void **state)
{
	(void)state;
	assert_masked("--password='hunter two' --level 3", "--password=*** --level 3");
	assert_masked("--password \"hunter two\" --level 3", "--password *** --level 3");
	assert_masked("'--password=hunter two' x", "'--password=*** x");
	assert_masked("{\"password\":\"hunter two\"} x", "{\"password\":*** x");
	assert_masked("\"{\\\"password\\\":\\\"hunter two\\\"}\" x", "\"{\\\"password\\\":*** x");
	/* those that were open before do not count */
	assert_masked("sh -c \"redis --pass=hunter2 ping\" x", "sh -c \"redis --pass=*** ping\" x");
}

static void short_options_that_take_passwords_are_known(void **state)
{
	static const char *const texts[][2] = {
		{ "curl -fsu admin:hunter2 http://x", "curl -fsu admin:*** http://x" },
		{ "curl -u admin:hunter2 http://x", "curl -u admin:*** http://x" },
		{ "curl -u 'admin:hunter two' http://x", "curl -u 'admin:*** http://x" },
		{ "smbclient -U me%hunter2 x", "smbclient -U me%*** x" },
		{ "redis-cli -a hunter2 ping", "redis-cli -a *** ping" },
		{ "redis-cli -h db -a 'hunter two' ping", "redis-cli -h db -a *** ping" },
		{ "/usr/bin/mysqladmin -uroot -phunter2 ping",
		  "/usr/bin/mysqladmin -uroot -p*** ping" },
		{ "sh -c \"mysql -u root -phunter2 -e 'x'\"",
		  "sh -c \"mysql -u root -p*** -e 'x'\"" },
		{ "mongosh -u me -p 12345 --eval x", "mongosh -u me -p *** --eval x" },
		{ "docker login -u me -p hunter2", "docker login -u me -p ***" },
		{ "tool --username=me -p hunter2", "tool --username=me -p ***" },
		{ "sshpass -p hunter2 ssh -p 22 h", "sshpass -p *** ssh -p 22 h" },
		{ "sshpass -phunter2 ssh h", "sshpass -p*** ssh h" },
		{ "sqlcmd -S db -U sa -P hunter2 -Q x", "sqlcmd -S db -U sa -P *** -Q x" },
		{ "ldapsearch -D cn=x -w hunter2", "ldapsearch -D cn=x -w ***" },
		{ "ldapsearch -whunter2 x", "ldapsearch -w*** x" },
		{ "sqlcmd -Phunter2 -Q x", "sqlcmd -P*** -Q x" },
		{ "unzip -Phunter2 x", "unzip -P*** x" },
		{ "curl --user admin:hunter2 x", "curl --user admin:*** x" },
		{ "curl --proxy-user a:hunter2 x", "curl --proxy-user a:*** x" },
		{ "curl -uadmin:hunter2 x", "curl -uadmin:*** x" },
		{ "curl -fsuadmin:hunter2 x", "curl -fsuadmin:*** x" },
		{ "curl -u'admin:hunter two' x", "curl -u'admin:*** x" },
		{ "tool -uadmin:hunter2 --user=a:hunter2", "tool -uadmin:*** --user=a:***" },
		{ "curl -u 'admin:ab$1c' x", "curl -u 'admin:*** x" },
		{ "curl -u admin:a://b x", "curl -u admin:*** x" },
		{ "smbclient -Ume%hunter2 x", "smbclient -Ume%*** x" },
		{ "smbclient //s/x -U D\\me%hunter2", "smbclient //s/x -U D\\me%***" },
		{ "smbclient --user me%hunter2", "smbclient --user me%***" },
		{ "mongo -phunter2 x", "mongo -p*** x" },
		{ "mongodump -u me -p hunter2", "mongodump -u me -p ***" },
		{ "mysql -sNphunter2 x", "mysql -sNp*** x" },
		{ "ldapsearch -xw hunter2", "ldapsearch -xw ***" },
		{ "docker login -u me -phunter2 h", "docker login -u me -p*** h" },
		{ "docker login -ume -p hunter2 h", "docker login -ume -p *** h" },
		{ "tool -u me --ask-password -p hunter2", "tool -u me --ask-password *** ***" },
		{ "TOKEN=password: hunter2", "TOKEN=*** ***" },
		{ "curl --oauth2-bearer hunter2 x", "curl --oauth2-bearer *** x" },
		{ "http -a me:hunter2 GET x", "http -a me:*** GET x" },
		{ "ssh-keygen -t rsa -N hunter2", "ssh-keygen -t rsa -N ***" },
		{ "redis-cli config set requirepass hunter2",
		  "redis-cli config set requirepass ***" },
		{ "aws configure set aws_secret_access_key hunter2",
		  "aws configure set aws_secret_access_key ***" },
		{ "ALTER USER u IDENTIFIED BY 'hunter2'", "ALTER USER u IDENTIFIED BY ***" },
		{ "CREATE USER u WITH PASSWORD 'hunter2'; SELECT 1",
		  "CREATE USER u WITH PASSWORD *** SELECT 1" },
		{ "ALTER USER u IDENTIFIED WITH mysql_native_password BY 'hunter2'",
		  "ALTER USER u IDENTIFIED WITH mysql_native_password BY ***" },
		{ "SET PASSWORD = 'hunter2'", "SET PASSWORD = ***" },
		{ "SET PASSWORD ='hunter2'", "SET PASSWORD =***" },
		{ "SET PASSWORD FOR 'u' = 'hunter2'", "SET PASSWORD FOR 'u' = ***" },
		{ "SET PASSWORD FOR 'u'='hunter2'", "SET PASSWORD FOR 'u'=***" },
		{ "SET PASSWORD FOR 'u'= 'hunter2'", "SET PASSWORD FOR 'u'= ***" },
		{ "set password for 'u' to 'hunter2'", "set password for 'u' to ***" },
		{ "set token to hunter2", "set token to ***" },
		{ "ALTER LOGIN sa WITH PASSWORD = 'hunter2'",
		  "ALTER LOGIN sa WITH PASSWORD = ***" },
		{ "redis-cli CONFIG SET masterauth hunter2",
		  "redis-cli CONFIG SET masterauth ***" },
		{ "user = me\npassword = hunter2\nport = 1",
		  "user = me\npassword = ***\nport = 1" },
		{ "api_key = hunter2", "api_key = ***" },
		{ "\"token\" = \"hunter two\" x", "\"token\" = *** x" },
		{ "--password = hunter2", "--password = ***" },
		{ "password =hunter2 =x", "password =*** =x" },
		{ "password = no, cookie = strict", "password = no, cookie = strict" },
		{ "--password 'it is'n x", "--password *** x" },
		{ "redis-server --requirepass hunter2", "redis-server --requirepass ***" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_masked(texts[i][0], texts[i][1]);
}

static void a_script_in_an_item_ends_with_it(void **state)
{
	static const char *const items[][2] = {
		{ "sh", "sh" },
		{ "-c", "-c" },
		{ "mkdir -p x; curl -s x", "mkdir -p x; curl -s x" },
		{ "redis-cli", "redis-cli" },
		{ "-a", "-a" },
		{ "hunter2", "***" },
		{ "mysql x", "mysql x" },
		{ "-a", "-a" },
		{ "hunter2", "***" },
		{ "-u", "-u" },
		{ "redis://h/0?a=1&b=2", "redis://h/0?a=1&b=2" },
		{ "-a", "-a" },
		{ "hunter2", "***" },
		{ "(a;b|c;", "(a;b|c;" },
		{ "-a", "-a" },
		{ "hunter2", "***" },
		{ "&&", "&&" },
		{ "sqlcmd", "sqlcmd" },
		{ "-Q", "-Q" },
		{ "SELECT(1)", "SELECT(1)" },
		{ "-P", "-P" },
		{ "hunter2", "***" },
		{ ";", ";" },
		{ "tool", "tool" },
		{ "-u", "-u" },
		{ "me", "me" },
		{ "a; b", "a; b" },
		{ "-p", "-p" },
		{ "hunter2", "***" },
	};
	struct mask_words w = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		auto_free char *got = mask_item(&w, span_of_str(items[i][0]));

		assert_string_equal(items[i][1], got);
	}
}

static void items_of_a_command_are_read_in_a_row(void **state)
{
	static const char *const items[][2] = {
		{ "redis-cli", "redis-cli" },
		{ "-a", "-a" },
		{ "", "" },
		{ "ping", "ping" },
		{ "-a", "-a" },
		{ "hunter two", "***" },
		{ "--user", "--user" },
		{ "me", "me" },
		{ "--password", "--password" },
		{ "hunter2 'x", "***" },
		{ "-u", "-u" },
		{ "me:hunter two", "me:***" },
		{ "--token=hunter two", "--token=***" },
		{ "set", "set" },
		{ "requirepass", "requirepass" },
		{ "hunter two", "***" },
		{ "set", "set" },
		{ "password", "password" },
		{ "=", "=" },
		{ "hunter two", "***" },
		{ "--ask-password", "--ask-password" },
		{ "-p", "***" },
		{ "hunter two", "***" },
		{ "PASSWORD=hunter2 x y", "PASSWORD=*** x y" },
		{ "-p", "-p" },
		{ "hunter two", "***" },
		{ "x y", "x y" },
	};
	struct mask_words w = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		auto_free char *got = mask_item(&w, span_of_str(items[i][0]));

		assert_string_equal(items[i][1], got);
	}
}

static void what_is_no_secret_stays_as_it_is(void **state)
{
	static const char *const texts[] = {
		"gunicorn  -b 0.0.0.0:80 app:main\n",
		"Host:example.com;PathPrefix:/api",
		"--keyboard=us",
		"{\"user\": \"me\", \"level\":\"info\"}",
		"me@host:/srv",
		"secrets:/run/secrets",
		"python -u app.py -p 8080 -a",
		"mkdir -p data/x && cp -a a b",
		"ssh -p 2222 host",
		"docker run -p 80:80/tcp -p 127.0.0.1:1:1 -u 1000:1000 -v a:b x",
		"nginx -p /etc/nginx -p $PREFIX",
		"mysql -p shop",
		"npx -p typescript tsc -p project",
		"docker login -u me && docker compose -p shop up",
		"exporter -db mysql:3306 -port 9104",
		"exporter -h mysql -port 9104",
		"curl -u $USER:$PASS -u1000:1000 -u \"${A}:${B}\" -o zip x",
		"psql -U me -p5432 -p 5432",
		"mkdir -pv x && mysqldump -p --all",
		"mongod --auth --port 27017",
		"{\"auth\":true} {\"auth\": false} --auth=off",
		"https://hub.example/x@1.2 ^/old/(.*)$1$2",
		"don't --level x",
		"task: non-zero exit (1): No such image: reg/app:1@sha256:0123",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_masked(texts[i], texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_names_that_sound_secret_are_hidden),
		cmocka_unit_test(an_address_without_a_scheme_hides_its_password),
		cmocka_unit_test(what_looks_random_is_hidden),
		cmocka_unit_test(tokens_are_known_by_their_beginning),
		cmocka_unit_test(reasons_of_failures_are_shown),
		cmocka_unit_test(settings_are_shown_of_names_that_have_them),
		cmocka_unit_test(only_the_first_word_is_surely_a_program),
		cmocka_unit_test(a_password_that_begins_like_a_switch_is_hidden),
		cmocka_unit_test(a_command_ends_with_its_line),
		cmocka_unit_test(a_command_goes_on_behind_quotes),
		cmocka_unit_test(what_stands_in_quotes_is_hidden_to_their_end),
		cmocka_unit_test(short_options_that_take_passwords_are_known),
		cmocka_unit_test(a_script_in_an_item_ends_with_it),
		cmocka_unit_test(items_of_a_command_are_read_in_a_row),
		cmocka_unit_test(what_is_no_secret_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
