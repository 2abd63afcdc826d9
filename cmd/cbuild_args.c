/* Options are kept as they are written until all are there; then they are judged together. */
#include "cmd/cbuild_args.h"

#include <limits.h>

#include "base/mem.h"
#include "base/span.h"
#include "oci/run/choose.h"

const struct opt cbuild_opts[] = {
	OPT_STR('f', "file", "CBUILD_FILE", struct cbuild_args, file, "FILE",
		"the Dockerfile (CONTEXT/Dockerfile); - is standard input"),
	OPT_LIST('t', "tag", "CBUILD_TAG", struct cbuild_args, tags, "NAME",
		 "name of the image; may be given several times"),
	OPT_FLAG(0, "check", "CBUILD_CHECK", struct cbuild_args, check,
		 "tell what is doubtful in the Dockerfile and build nothing (--call check)"),
	OPT_STR(0, "code-quality", "CBUILD_CODE_QUALITY", struct cbuild_args, code_quality, "FILE",
		"write what --check finds as GitLab's code-quality report"),
	OPT_STR(0, "call", "CBUILD_CALL", struct cbuild_args, call, "WHAT[,format=json]",
		"build, or tell: check, outline, targets"),
	OPT_STR(0, "target", "CBUILD_TARGET", struct cbuild_args, target, "STAGE",
		"the stage to build (the last one)"),
	OPT_LIST(0, "build-arg", "CBUILD_BUILD_ARGS", struct cbuild_args, build_args,
		 "NAME[=VALUE]", "value of an ARG; without = the environment's"),
	OPT_LIST(0, "label", "CBUILD_LABELS", struct cbuild_args, labels, "NAME=VALUE",
		 "label of the image"),
	OPT_LIST(0, "annotation", "CBUILD_ANNOTATIONS", struct cbuild_args, annotations,
		 "[LEVEL:]NAME=VALUE", "annotation of the manifest, or of the LEVEL's document"),
	OPT_LIST(0, "platform", "CBUILD_PLATFORM", struct cbuild_args, platforms, "OS/ARCH,...",
		 "what is built for (this machine)"),
	OPT_LIST(0, "build-context", "CBUILD_BUILD_CONTEXTS", struct cbuild_args, contexts,
		 "NAME=VALUE",
		 "a directory, image (docker-image:, oci-layout:), archive or repository"),
	OPT_FLAG(0, "pull", "CBUILD_PULL", struct cbuild_args, pull,
		 "ask the registry also for images that the store has"),
	OPT_LIST('o', "output", "CBUILD_OUTPUT", struct cbuild_args, outputs, "SPEC",
		 "where the image goes instead of the store: type=oci,dest=FILE, ..."),
	OPT_FLAG(0, "push", "CBUILD_PUSH", struct cbuild_args, push,
		 "into the registry instead of the store (-o type=registry)"),
	OPT_STR(0, "iidfile", "CBUILD_IIDFILE", struct cbuild_args, iidfile, "FILE",
		"write the digest of the image's configuration"),
	OPT_STR(0, "metadata-file", "CBUILD_METADATA_FILE", struct cbuild_args, metadata_file,
		"FILE", "write what was built, as JSON"),
	OPT_STR(0, "digest-file", "CBUILD_DIGEST_FILE", struct cbuild_args, digest_file, "FILE",
		"write the digest that is printed"),
	OPT_STR(0, "dotenv", "CBUILD_DOTENV", struct cbuild_args, dotenv, "FILE",
		"write CBUILD_DIGEST, CBUILD_INPUT, CBUILD_SIZE, CBUILD_REUSED"),
	OPT_LIST(0, "report", "CBUILD_REPORT", struct cbuild_args, reports, "FILE",
		 "write what took how long and what weighs what: a page, or JSON (FILE.json)"),
	OPT_FLAG(0, "print-input", NULL, struct cbuild_args, print_input,
		 "print the digest of all that the build would read, and build nothing"),
	OPT_STR(0, "reuse-from", "CBUILD_REUSE_FROM", struct cbuild_args, reuse_from, "REPO",
		"build nothing if an image of the same input digest is there, tagged in-<digits>"),
	OPT_CHOICE(0, "context-modes", "CBUILD_CONTEXT_MODES", struct cbuild_args, context_modes,
		   "keep|git", "of files in contexts; git: 0755 or 0644 (keep; git in GitLab)"),
	OPT_STR(0, "source-date-epoch", "SOURCE_DATE_EPOCH", struct cbuild_args, epoch, "SECONDS",
		"no time in the image is later"),
	OPT_STR(0, "compression", "CBUILD_COMPRESSION", struct cbuild_args, compression,
		"gzip|zstd|uncompressed", "of new layers (gzip)"),
	OPT_UINT(0, "compression-level", "CBUILD_COMPRESSION_LEVEL", struct cbuild_args,
		 compression_level, "N", "1 to 9 of gzip (5), to 19 of zstd (3)"),
	OPT_DURATION(0, "timeout", "CBUILD_TIMEOUT", struct cbuild_args, timeout_ms,
		     "limit for each RUN (none)"),
	OPT_LIST(0, "secret", "CBUILD_SECRETS", struct cbuild_args, secrets, "SPEC",
		 "id=ID[,src=FILE|env=NAME]: what RUN --mount=type=secret gets"),
	OPT_LIST(0, "ssh", "CBUILD_SSH", struct cbuild_args, ssh, "ID[=SOCKET]",
		 "the ssh agent that RUN --mount=type=ssh reaches (default, $SSH_AUTH_SOCK)"),
	OPT_STR(0, "network", "CBUILD_NETWORK", struct cbuild_args, network, "default|host|none",
		"of RUNs that do not say (default: the host's)"),
	OPT_LIST(0, "add-host", "CBUILD_ADD_HOSTS", struct cbuild_args, hosts, "NAME:ADDRESS",
		 "a line of /etc/hosts in RUN"),
	OPT_LIST(0, "ulimit", "CBUILD_ULIMITS", struct cbuild_args, ulimits, "NAME=SOFT[:HARD]",
		 "a limit in RUN, as nofile=1024:4096"),
	OPT_STR(0, "shm-size", "CBUILD_SHM_SIZE", struct cbuild_args, shm_size, "SIZE",
		"of /dev/shm in RUN (64m)"),
	OPT_LIST(0, "allow", "CBUILD_ALLOW", struct cbuild_args, allow, "NAME",
		 "network.host: to RUNs that ask for it, despite --network=none"),
	OPT_STR(0, "authfile", "CBUILD_AUTHFILE", struct cbuild_args, authfile, "FILE",
		"credentials, in the form of docker's config.json"),
	OPT_STR(0, "ca", "CBUILD_CA", struct cbuild_args, ca, "FILE",
		"trust these certificates, too"),
	OPT_STR(0, "plain-http", "CBUILD_PLAIN_HTTP", struct cbuild_args, plain_http, "HOST",
		"http to this registry"),
	OPT_LIST(0, "registry-mirror", "CBUILD_REGISTRY_MIRROR", struct cbuild_args, mirrors,
		 "HOST=URL", "read what HOST has from there first"),
	OPT_CHOICE(0, "isolation", "CBUILD_ISOLATION", struct cbuild_args, isolation, SANDBOX_NAMES,
		   "how RUN is kept apart (auto: what works here)"),
	OPT_UINT('j', "jobs", "CBUILD_JOBS", struct cbuild_args, jobs, "N",
		 "downloads and compressions at once (4)"),
	OPT_FLAG(0, "no-cache", "CBUILD_NO_CACHE", struct cbuild_args, no_cache,
		 "carry out every step, whatever the cache has"),
	OPT_LIST(0, "no-cache-filter", "CBUILD_NO_CACHE_FILTER", struct cbuild_args,
		 no_cache_filter, "STAGE,...", "the same for the steps of these stages"),
	OPT_LIST(0, "cache-from", "CBUILD_CACHE_FROM", struct cbuild_args, cache_from, "SPEC",
		 "results of steps are looked for there, too: REF, type=local,src=DIR, ..."),
	OPT_LIST(0, "cache-to", "CBUILD_CACHE_TO", struct cbuild_args, cache_to, "SPEC",
		 "and written there: type=registry,ref=REF,mode=max, type=inline, ..."),
	OPT_STR(0, "cache-size", "CBUILD_CACHE_SIZE", struct cbuild_args, cache_size, "SIZE",
		"what is kept below --root/cache, at most (no limit)"),
	OPT_STR(0, "max-layer-size", "CBUILD_MAX_LAYER_SIZE", struct cbuild_args, max_layer_size,
		"SIZE", "what one layer of a base may unpack to (64g)"),
	OPT_MAYBE(0, "prune", struct cbuild_args, prune, "AGE",
		  "build nothing: remove what the cache has not used for AGE (all)"),
	/* kaniko's names */
	OPT_STR('c', "context", NULL, struct cbuild_args, context, "CONTEXT",
		"as kaniko: CONTEXT, also dir://PATH"),
	OPT_STR(0, "dockerfile", NULL, struct cbuild_args, dockerfile, "FILE",
		"as kaniko: --file, also looked for in the context"),
	OPT_LIST('d', "destination", NULL, struct cbuild_args, destinations, "NAME",
		 "as kaniko: --tag NAME --push"),
	OPT_FLAG(0, "no-push", NULL, struct cbuild_args, no_push,
		 "as kaniko: do not push to --destination"),
	OPT_STR(0, "tar-path", NULL, struct cbuild_args, tar_path, "FILE",
		"as kaniko: -o type=docker,dest=FILE"),
	OPT_STR(0, "oci-layout-path", NULL, struct cbuild_args, oci_layout_path, "DIR",
		"as kaniko: -o type=oci,tar=false,dest=DIR"),
	OPT_FLAG(0, "cache", NULL, struct cbuild_args, cache,
		 "as kaniko: --cache-from and --cache-to a repository, of all stages"),
	OPT_STR(0, "cache-repo", NULL, struct cbuild_args, cache_repo, "REPO",
		"as kaniko: that repository, or oci:DIR (--destination's, with /cache)"),
	OPT_DURATION(0, "cache-ttl", NULL, struct cbuild_args, cache_ttl_ms,
		     "as kaniko: what is older there is not used (no limit)"),
	OPT_FLAG(0, "no-push-cache", NULL, struct cbuild_args, no_push_cache,
		 "as kaniko: only read that cache"),
	OPT_FLAG(0, "provenance", NULL, struct cbuild_args, provenance,
		 "as docker: only --provenance=false is accepted"),
	OPT_FLAG(0, "sbom", NULL, struct cbuild_args, sbom,
		 "as docker: only --sbom=false is accepted"),
	OPT_END,
};

/* docker build's older way to ask for an inline cache. */
static void take_inline_cache(struct build_options *o)
{
	const char *value = strv_env_get(&o->build_args, "BUILDKIT_INLINE_CACHE");
	struct cache_spec c = { .kind = CACHE_INLINE, .when_possible = true };

	if (value && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0))
		cache_specs_add(&o->cache_to, &c);
	strv_env_unset(&o->build_args, "BUILDKIT_INLINE_CACHE");
}

static int take_caches(struct build_options *o, const struct cbuild_args *a, struct err *e)
{
	for (size_t i = 0; i < a->cache_from.n; i++)
		if (cache_spec_parse_from(o, a->cache_from.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < a->cache_to.n; i++)
		if (cache_spec_parse_to(o, a->cache_to.v[i], e) < 0)
			return -1;
	take_inline_cache(o);
	return cbuild_kaniko_caches(o, a, e);
}

static int need_pair(const char *option, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');

	if (equals && equals != text)
		return 0;
	return err_set(e, ERR_INPUT, "%s: '%.200s' is not NAME=VALUE", option, text);
}

/* A name alone takes the environment's value, and is left out when there is none. */
static int take_build_args(struct build_options *o, const struct cbuild_args *a, struct err *e)
{
	for (size_t i = 0; i < a->build_args.n; i++) {
		const char *arg = a->build_args.v[i];
		const char *equals = strchr(arg, '=');
		auto_free char *name =
			mem_strndup(arg, equals ? (size_t)(equals - arg) : strlen(arg));
		const char *value = equals ? equals + 1 : getenv(name);

		if (!*name)
			return err_set(e, ERR_INPUT, "--build-arg: '%.200s' has no name", arg);
		if (value)
			strv_env_set(&o->build_args, name, value);
	}
	return 0;
}

/* Of one key the last counts: only that is in the image, and so in the input digest. */
static int take_labels(struct build_options *o, const struct cbuild_args *a, struct err *e)
{
	for (size_t i = 0; i < a->labels.n; i++) {
		const char *label = a->labels.v[i], *equals = strchr(label, '=');
		auto_free char *key = NULL;

		if (need_pair("--label", label, e) < 0)
			return -1;
		key = mem_strndup(label, (size_t)(equals - label));
		strv_env_set(&o->labels, key, equals + 1);
	}
	return 0;
}

static int take_lists(struct build_options *o, const struct cbuild_args *a, struct err *e)
{
	strv_copy(&o->tags, &a->tags);
	if (take_labels(o, a, e) < 0)
		return -1;
	for (size_t i = 0; i < a->contexts.n; i++) {
		if (need_pair("--build-context", a->contexts.v[i], e) < 0)
			return -1;
		strv_add(&o->contexts, a->contexts.v[i]);
	}
	for (size_t i = 0; i < a->annotations.n; i++)
		if (build_annotations_parse(&o->annotations, a->annotations.v[i], e) < 0)
			return err_wrap(e, "--annotation");
	return 0;
}

/* --push is for what can be pushed among the outputs, else it is one more. */
static int take_push(struct build_options *o, struct err *e)
{
	bool found = false;

	for (size_t i = 0; i < o->nr_outputs; i++)
		if (o->outputs[i].type == BUILD_OUTPUT_IMAGE)
			found = o->outputs[i].push = true;
	return found ? 0 : build_output_parse(o, "type=registry", e);
}

/* What is said for all comes first: an output's own fields must agree with it. */
static int take_outputs(struct build_options *o, const struct cbuild_args *a, struct err *e)
{
	if (a->compression &&
	    build_compression_parse(o, span_of_str(a->compression), "--compression", e) < 0)
		return -1;
	if (a->compression_level > INT_MAX)
		return err_set(e, ERR_INPUT, "--compression-level: too large");
	o->compression_level = (int)a->compression_level;
	for (size_t i = 0; i < a->outputs.n; i++)
		if (build_output_parse(o, a->outputs.v[i], e) < 0)
			return -1;
	if (a->push && take_push(o, e) < 0)
		return -1;
	cbuild_kaniko_outputs(o, a);
	return 0;
}

static int take_each(struct run_options *o, const struct strv *texts, const char *option,
		     int (*take)(struct run_options *o, const char *text, struct err *e),
		     struct err *e)
{
	for (size_t i = 0; i < texts->n; i++)
		if (take(o, texts->v[i], e) < 0)
			return err_wrap(e, "%s", option);
	return 0;
}

static int take_one(struct run_options *o, const char *text, const char *option,
		    int (*take)(struct run_options *o, const char *text, struct err *e),
		    struct err *e)
{
	return text && take(o, text, e) < 0 ? err_wrap(e, "%s", option) : 0;
}

static int take_run(struct run_options *o, const struct cbuild_args *a, struct err *e)
{
	if (take_each(o, &a->allow, "--allow", run_options_allow, e) < 0 ||
	    take_each(o, &a->secrets, "--secret", run_options_secret, e) < 0 ||
	    take_each(o, &a->ssh, "--ssh", run_options_ssh, e) < 0 ||
	    take_each(o, &a->hosts, "--add-host", run_options_host, e) < 0 ||
	    take_each(o, &a->ulimits, "--ulimit", run_options_ulimit, e) < 0 ||
	    take_one(o, a->network, "--network", run_options_network, e) < 0)
		return -1;
	return take_one(o, a->shm_size, "--shm-size", run_options_shm, e);
}

static int take_numbers(struct build_options *o, const struct cbuild_args *a, struct err *e)
{
	if (a->epoch && *a->epoch) {
		if (span_to_i64(&o->epoch, span_of_str(a->epoch)) < 0)
			return err_set(e, ERR_INPUT, "--source-date-epoch: '%.100s' is no number",
				       a->epoch);
		o->has_epoch = true;
	}
	o->run_timeout_ms = a->timeout_ms;
	if (a->jobs == 0)
		return err_set(e, ERR_INPUT, "--jobs: at least 1");
	for (size_t i = 0; i < a->platforms.n; i++)
		if (build_platforms_parse(o, a->platforms.v[i], e) < 0)
			return err_wrap(e, "--platform");
	return 0;
}

/* What layers are made for comes before what is made of all of them. */
static int take_places(struct build_options *o, const struct cbuild_args *a, struct err *e)
{
	if (take_outputs(o, a, e) < 0 || take_numbers(o, a, e) < 0)
		return -1;
	return take_caches(o, a, e);
}

static int take_call_word(struct cbuild_args *a, const char *call, struct err *e)
{
	if (a->check && a->call && strncmp(a->call, "check", 5) == 0)
		call = a->call; /* with its format */
	else if (a->check && a->call)
		return err_set(e, ERR_INPUT, "--check and --call %.100s exclude each other",
			       a->call);
	a->is_call = strcmp(call, "build") != 0;
	return a->is_call && build_call_parse(&a->what, call, e) < 0 ? err_wrap(e, "--call") : 0;
}

static int take_call(struct cbuild_args *a, struct err *e)
{
	const char *call = a->check ? "check" : a->call;

	if (a->print_input && call)
		return err_set(e, ERR_INPUT, "--print-input and --%s exclude each other",
			       a->check ? "check" : "call");
	a->is_call = a->print_input;
	a->what.call = BUILD_CALL_INPUT;
	if (call && take_call_word(a, call, e) < 0)
		return -1;
	if (a->code_quality && !(a->is_call && a->what.call == BUILD_CALL_CHECK))
		return err_set(e, ERR_INPUT,
			       "--code-quality tells what --check finds: without it "
			       "there is nothing to write");
	return 0;
}

static void take_no_cache(struct build_options *o, const struct cbuild_args *a)
{
	o->no_cache = a->no_cache;
	for (size_t i = 0; i < a->no_cache_filter.n; i++) {
		struct span rest = span_of_str(a->no_cache_filter.v[i]), name;

		while (span_split(&rest, ',', &name))
			if (span_trim(name).n)
				strv_add_span(&o->no_cache_stages, span_trim(name));
	}
}

static int take_max_layer_size(struct build_options *o, const struct cbuild_args *a, struct err *e)
{
	if (a->max_layer_size &&
	    (span_to_size(&o->max_layer_bytes, span_of_str(a->max_layer_size)) < 0 ||
	     !o->max_layer_bytes))
		return err_set(e, ERR_INPUT, "--max-layer-size: '%.100s' is no size like 64g",
			       a->max_layer_size);
	return 0;
}

static int take_prune(struct build_options *o, struct cbuild_args *a, size_t nr_words,
		      struct err *e)
{
	if (a->cache_size && span_to_size(&o->cache_bytes, span_of_str(a->cache_size)) < 0)
		return err_set(e, ERR_INPUT, "--cache-size: '%.100s' is no size like 20g",
			       a->cache_size);
	o->has_cache_limit = a->cache_size;
	if (!a->prune)
		return 0;
	a->is_prune = true;
	a->prune_what = (struct cache_prune){ .has_limit = o->has_cache_limit,
					      .limit_bytes = o->cache_bytes };
	if (nr_words)
		return err_set(e, ERR_INPUT,
			       "--prune builds nothing, so there is no CONTEXT (an age is "
			       "written --prune=AGE)");
	if (*a->prune && span_to_duration_ns(&a->prune_what.age_ns, span_of_str(a->prune)) < 0)
		return err_set(e, ERR_INPUT, "--prune: '%.100s' is no duration like 72h", a->prune);
	return 0;
}

/* A runner checks out with a umask of its own. */
static void take_input(struct build_options *o, const struct cbuild_args *a)
{
	const char *gitlab = getenv("GITLAB_CI");

	o->wants_weight = a->reports.n > 0;
	o->has_input = a->dotenv || a->reports.n;
	o->reuse_from = a->reuse_from && *a->reuse_from ? a->reuse_from : NULL;
	o->git_modes = a->context_modes ? strcmp(a->context_modes, "git") == 0 : gitlab && *gitlab;
}

static int take_build(struct build_options *o, struct cbuild_args *a, const struct strv *words,
		      struct err *e)
{
	size_t n = words->n + (a->context ? 1 : 0);

	if (n != 1)
		return err_set(e, ERR_INPUT, "expected one CONTEXT, got %zu arguments (--help)", n);
	o->context = a->context ? a->context : words->v[0];
	if (span_starts(span_of_str(o->context), "dir://"))
		o->context += strlen("dir://");
	o->dockerfile = a->file;
	o->target = a->target;
	o->pull = a->pull;
	take_input(o, a);
	if (a->provenance || a->sbom)
		return err_set(
			e, ERR_INPUT,
			"--%s: attestations come with a later version; --%s=false is accepted",
			a->provenance ? "provenance" : "sbom",
			a->provenance ? "provenance" : "sbom");
	if (take_call(a, e) < 0 || cbuild_kaniko_take(o, a, e) < 0 ||
	    take_build_args(o, a, e) < 0 || take_lists(o, a, e) < 0 || take_run(&o->run, a, e) < 0)
		return -1;
	return take_places(o, a, e);
}

int cbuild_args_take(struct build_options *o, struct cbuild_args *a, const struct strv *words,
		     struct err *e)
{
	take_no_cache(o, a);
	if (take_max_layer_size(o, a, e) < 0 || take_prune(o, a, words->n, e) < 0)
		return -1;
	return a->is_prune ? 0 : take_build(o, a, words, e);
}

void cbuild_args_release(struct cbuild_args *a)
{
	strv_release(&a->tags);
	strv_release(&a->reports);
	strv_release(&a->build_args);
	strv_release(&a->labels);
	strv_release(&a->annotations);
	strv_release(&a->contexts);
	strv_release(&a->platforms);
	strv_release(&a->outputs);
	strv_release(&a->destinations);
	free(a->found_dockerfile);
	strv_release(&a->secrets);
	strv_release(&a->ssh);
	strv_release(&a->mirrors);
	strv_release(&a->hosts);
	strv_release(&a->ulimits);
	strv_release(&a->allow);
	strv_release(&a->cache_from);
	strv_release(&a->cache_to);
	strv_release(&a->no_cache_filter);
}

/* "NAME=oci-layout://DIR:TAG", "NAME=DIR"; what is an address is no path, and so not there. */
static void add_context(struct strv *out, const char *text)
{
	struct span name, value;

	if (!span_cut(span_of_str(text), '=', &name, &value))
		return;
	if (span_take(&value, "oci-layout://")) {
		ptrdiff_t end = span_rfind(value, ':');

		strv_add_span(out, value);
		if (end > 0)
			value = span_head(value, (size_t)end);
	}
	strv_add_span(out, value);
}

void cbuild_args_places(struct strv *out, const struct build_options *o,
			const char *(*env)(const char *name))
{
	const struct cache_specs *const caches[] = { &o->cache_from, &o->cache_to };

	strv_add(out, o->context);
	for (size_t i = 0; i < o->contexts.n; i++)
		add_context(out, o->contexts.v[i]);
	for (size_t i = 0; i < ARRAY_LEN(caches); i++)
		for (size_t k = 0; k < caches[i]->nr; k++)
			if (caches[i]->v[k].dir)
				strv_add(out, caches[i]->v[k].dir);
	for (size_t i = 0; i < o->run.nr_ssh; i++) {
		const char *socket =
			o->run.ssh[i].socket ? o->run.ssh[i].socket : env("SSH_AUTH_SOCK");

		if (socket)
			strv_add(out, socket);
	}
}
