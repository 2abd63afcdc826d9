/*
 * Plans as text, from Dockerfiles as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "oci/dockerfile/parse.h"
#include "oci/dockerfile/plan.h"
#include "oci/dockerfile/plan_print.h"

/* Everything but the text; args and contexts are blank-separated. */
struct given {
	const char *target, *args, *contexts, *platform;
	const struct plan_triggers *triggers;
	size_t nr_triggers;
};

struct outcome {
	struct dockerfile *df;
	struct dockerfile_plan *plan;
	struct err e;
};

static void words(struct strv *out, const char *text)
{
	struct span rest = span_of_str(text), word;

	while (span_word(&rest, &word))
		strv_add_span(out, word);
}

static int make(struct outcome *o, const char *text, struct given g)
{
	auto_strv struct strv args = STRV_INIT, contexts = STRV_INIT;
	struct plan_options opt = { .build_args = &args,
				    .contexts = &contexts,
				    .target = g.target,
				    .triggers = g.triggers,
				    .nr_triggers = g.nr_triggers };
	struct span rest = span_of_str(g.platform ? g.platform : "linux/amd64"), one;
	struct oci_platform platforms[4];

	*o = (struct outcome){ .e = ERR_INIT };
	words(&args, g.args);
	words(&contexts, g.contexts);
	opt.platforms = platforms;
	while (span_split(&rest, ',', &one))
		assert_int_equal(oci_platform_parse(&platforms[opt.nr_platforms++], one, &o->e), 0);
	if (dockerfile_parse(&o->df, "Dockerfile", span_of_str(text), &o->e) < 0)
		fail_msg("%s", o->e.text);
	return dockerfile_plan_make(&o->plan, o->df, &opt, &o->e);
}

static void outcome_release(struct outcome *o)
{
	dockerfile_plan_free(o->plan);
	dockerfile_free(o->df);
}
#define auto_outcome CLEANUP(outcome_release)

static void assert_plan(const char *text, struct given g, const char *expected)
{
	auto_outcome struct outcome o;
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	if (make(&o, text, g) < 0)
		fail_msg("%s", o.e.text);
	dockerfile_plan_print(&out, o.plan);
	assert_string_equal(buf_str(&out), expected);
}

static void assert_refused(const char *text, struct given g, const char *expected)
{
	auto_outcome struct outcome o;

	assert_int_equal(make(&o, text, g), -1);
	assert_null(o.plan);
	assert_int_equal(o.e.kind, ERR_INPUT);
	assert_string_equal(o.e.text, expected);
}

static const struct given plain;

static void last_stage_is_the_target(void **state)
{
	(void)state;
	assert_plan("FROM a AS x\nFROM b:1\nRUN c\n", plain,
		    "stage stage-1 from image b:1 for linux/amd64\n"
		    "    3  RUN c\n");
	assert_plan("FROM scratch\n", plain, "stage stage-0 from scratch for linux/amd64\n");
}

static void only_needed_stages_are_planned_in_order(void **state)
{
	static const char text[] = "FROM a AS one\nFROM b AS two\nRUN x\nFROM one AS three\n"
				   "COPY --from=two /x /y\nFROM d AS four\nCOPY z .\n"
				   "FROM three AS five\n";

	(void)state;
	assert_plan(text, plain,
		    "stage one from image a for linux/amd64\n"
		    "stage two from image b for linux/amd64\n"
		    "    3  RUN x\n"
		    "stage three from stage one for linux/amd64\n"
		    "    5  COPY --from=two /x /y  << stage two\n"
		    "stage five from stage three for linux/amd64\n");
	assert_plan(text, (struct given){ .target = "FOUR" },
		    "stage four from image d for linux/amd64\n"
		    "    7  COPY z .\n");
	assert_plan(text, (struct given){ .target = "1" },
		    "stage two from image b for linux/amd64\n"
		    "    3  RUN x\n");
}

static void unknown_target_is_refused_with_a_guess(void **state)
{
	(void)state;
	assert_refused("FROM a AS build\nFROM b\n", (struct given){ .target = "biuld" },
		       "Dockerfile: target stage 'biuld' could not be found (did you mean build?)");
	assert_refused("FROM a AS build\n", (struct given){ .target = "zzz" },
		       "Dockerfile: target stage 'zzz' could not be found");
	assert_refused("FROM a AS build\n", (struct given){ .target = "1" },
		       "Dockerfile: target stage '1' could not be found");
}

static void copy_sources_are_resolved(void **state)
{
	(void)state;
	assert_plan("FROM a AS x\nFROM b\n"
		    "COPY --from=0 p /\nCOPY --from=X p /\nCOPY --from=img:1 p /\n"
		    "COPY --from=Ctx p /\nCOPY p /\n",
		    (struct given){ .contexts = "Ctx" },
		    "stage x from image a for linux/amd64\n"
		    "stage stage-1 from image b for linux/amd64\n"
		    "    3  COPY --from=0 p /  << stage x\n"
		    "    4  COPY --from=X p /  << stage x\n"
		    "    5  COPY --from=img:1 p /  << image img:1\n"
		    "    6  COPY --from=Ctx p /  << context Ctx\n"
		    "    7  COPY p /\n");
}

static void references_to_later_stages_are_refused(void **state)
{
	(void)state;
	assert_refused("FROM a\nCOPY --from=late x y\nFROM b AS late\n", plain,
		       "Dockerfile:2: cannot copy from stage 'late', it needs to be defined before "
		       "current stage 'stage-0'");
	assert_refused("FROM a AS me\nCOPY --from=ME x y\n", plain,
		       "Dockerfile:2: cannot copy from stage 'ME', it needs to be defined before "
		       "current stage 'me'");
	assert_refused("FROM a\nCOPY --from=0 x y\n", plain,
		       "Dockerfile:2: cannot copy from stage '0', it needs to be defined before "
		       "current stage 'stage-0'");
	assert_refused("FROM a\nFROM b\nCOPY --from=2 x y\n", plain,
		       "Dockerfile:3: invalid stage index 2");
	assert_refused("FROM a\nCOPY --from=99999999999999999999 x y\n", plain,
		       "Dockerfile:2: invalid stage index 99999999999999999999");
	/* also in a stage that is not needed */
	assert_refused("FROM a\nCOPY --from=7 x y\nFROM b\n", plain,
		       "Dockerfile:2: invalid stage index 7");
}

static void a_stage_may_have_the_name_of_its_image(void **state)
{
	(void)state;
	assert_plan("FROM python AS python\nFROM PYTHON\n", plain,
		    "stage python from image python for linux/amd64\n"
		    "stage stage-1 from stage python for linux/amd64\n");
	/* a name that only a later stage has is an image's */
	assert_plan("FROM base\nFROM x AS base\n", (struct given){ .target = "0" },
		    "stage stage-0 from image base for linux/amd64\n");
}

static void of_equal_names_the_last_earlier_one_counts(void **state)
{
	(void)state;
	assert_plan("FROM a AS x\nFROM b AS x\nFROM x\nCOPY --from=x p /\nFROM c AS x\n",
		    (struct given){ .target = "2" },
		    "stage x from image b for linux/amd64\n"
		    "stage stage-2 from stage x for linux/amd64\n"
		    "    4  COPY --from=x p /  << stage x\n");
}

static void named_contexts_beat_stages_and_images(void **state)
{
	(void)state;
	assert_plan("FROM alpine AS base\nRUN x\nFROM base AS y\nCOPY --from=base a /\n"
		    "COPY --from=0 b /\n",
		    (struct given){ .contexts = "base" },
		    "stage y from context base for linux/amd64\n"
		    "    4  COPY --from=base a /  << context base\n"
		    "    5  COPY --from=0 b /  << context base\n");
	assert_plan("FROM alpine\nFROM docker.io/library/alpine:latest\nCOPY --from=alpine:3 a /\n",
		    (struct given){ .contexts = "alpine" },
		    "stage stage-1 from context alpine for linux/amd64\n"
		    "    3  COPY --from=alpine:3 a /  << image alpine:3\n");
	assert_plan("FROM alpine AS base\nRUN x\n", (struct given){ .contexts = "base" },
		    "stage base from context base for linux/amd64\n");
	assert_plan("FROM scratch AS scratch\nFROM scratch\n", plain,
		    "stage scratch from scratch for linux/amd64\n"
		    "stage stage-1 from stage scratch for linux/amd64\n");
	assert_plan("FROM scratch\n", (struct given){ .contexts = "scratch" },
		    "stage stage-0 from scratch for linux/amd64\n");
	/* a context of a later stage's name is not a reference forwards */
	assert_plan("FROM a\nCOPY --from=x b /\nFROM c AS x\n",
		    (struct given){ .target = "0", .contexts = "x" },
		    "stage stage-0 from image a for linux/amd64\n"
		    "    2  COPY --from=x b /  << context x\n");
}

static void from_lines_see_the_global_arguments(void **state)
{
	(void)state;
	assert_plan("ARG V=1 W=${V}.2\nARG \"X\"=$W\nFROM img:$X\n", plain,
		    "stage stage-0 from image img:1.2 for linux/amd64\n");
	assert_plan("ARG V=1\nARG W=$V.2\nFROM img:$W\n", (struct given){ .args = "V=9" },
		    "stage stage-0 from image img:9.2 for linux/amd64\n");
	assert_plan("ARG V\nFROM img:${V:-d}\n", plain,
		    "stage stage-0 from image img:d for linux/amd64\n");
	/* a value given counts only where an ARG declares it, a stage's ARG is not global */
	assert_plan("FROM img:x$V\nARG V=1\nFROM img:y$V\n", (struct given){ .args = "V=9" },
		    "stage stage-1 from image img:y for linux/amd64\n");
	assert_plan("FROM a AS x\nARG B=x\nFROM ${B:-x}\n", plain,
		    "stage x from image a for linux/amd64\n"
		    "    2  ARG B=x\n"
		    "stage stage-1 from stage x for linux/amd64\n");
	assert_refused("FROM a\nFROM $B\n", plain,
		       "Dockerfile:2: base name ('$B') should not be blank (B is not set: ARG "
		       "NAME=VALUE is needed before the first FROM)");
	assert_refused("ARG B\nFROM a:${B}\n", plain,
		       "Dockerfile:2: 'a:' is neither a stage nor the name of an image: image name "
		       "'a:': '' is not a valid tag (B is not set: ARG NAME=VALUE is needed before "
		       "the first FROM)");
}

static void bases_that_are_no_reference_are_refused(void **state)
{
	auto_outcome struct outcome from, copy;
	static const char said[] = "Dockerfile:1: 'a::b' is neither a stage nor the name of an "
				   "image: ";

	(void)state;
	assert_int_equal(make(&from, "FROM a::b\n", plain), -1);
	assert_int_equal(from.e.kind, ERR_INPUT);
	assert_memory_equal(from.e.text, said, sizeof(said) - 1);
	assert_int_equal(make(&copy, "FROM a\nCOPY --from=A/B:: x y\n", plain), -1);
	assert_int_equal(copy.e.kind, ERR_INPUT);
	assert_memory_equal(copy.e.text, "Dockerfile:2: 'A/B::'", 21);
}

static void platforms_come_from_flag_base_or_options(void **state)
{
	auto_outcome struct outcome o;
	struct oci_platform host;

	(void)state;
	oci_platform_host(&host);
	assert_plan("FROM --platform=linux/arm64 a AS x\nFROM x AS y\nFROM b\nCOPY --from=y a /\n",
		    (struct given){ .platform = "linux/s390x" },
		    "stage x from image a for linux/arm64\n"
		    "stage y from stage x for linux/arm64\n"
		    "stage stage-2 from image b for linux/s390x\n"
		    "    4  COPY --from=y a /  << stage y\n");
	assert_plan("FROM --platform=$TARGETOS/riscv64 a\n", plain,
		    "stage stage-0 from image a for linux/riscv64\n");
	assert_int_equal(
		make(&o, "FROM --platform=local a\n", (struct given){ .platform = "linux/s390x" }),
		0);
	assert_string_equal(o.plan->stages[0].platform.arch, host.arch);
	/* what goes on from a stage, or begins with nothing, has no platform of its own */
	assert_plan("FROM a AS x\nFROM --platform=linux/arm64 x AS y\n"
		    "FROM --platform=linux/arm64 scratch\nCOPY --from=y a /\n",
		    plain,
		    "stage x from image a for linux/amd64\n"
		    "stage y from stage x for linux/amd64\n"
		    "stage stage-2 from scratch for linux/amd64\n"
		    "    4  COPY --from=y a /  << stage y\n");
	assert_refused("FROM --platform=$NO a\n", plain,
		       "Dockerfile:1: empty platform value from expression '$NO'");
}

static void bad_platforms_are_refused(void **state)
{
	auto_outcome struct outcome o;

	(void)state;
	assert_int_equal(make(&o, "FROM a\nFROM --platform=a/b/c/d/e b\n", plain), -1);
	assert_int_equal(o.e.kind, ERR_INPUT);
	assert_memory_equal(o.e.text, "Dockerfile:2: ", 14);
}

static void assert_global(const struct outcome *o, const char *name, const char *value)
{
	const char *has = strv_env_get(&o->plan->targets[0].globals, name);

	if (!value)
		assert_null(has);
	else if (!has)
		fail_msg("%s is not set", name);
	else
		assert_string_equal(has, value);
}

static void globals_hold_platform_and_declared_arguments(void **state)
{
	auto_outcome struct outcome o;
	struct oci_platform host;
	char build[100];

	(void)state;
	oci_platform_host(&host);
	oci_platform_format(build, &host);
	assert_int_equal(make(&o, "ARG A=1 B C TARGETOS=mine\nFROM x AS t\nARG D=4\n",
			      (struct given){ .target = "t",
					      .platform = "linux/arm/v7",
					      .args = "B=2 D=5 BUILDARCH=z" }),
			 0);
	assert_global(&o, "TARGETPLATFORM", "linux/arm/v7");
	assert_global(&o, "TARGETOS", "mine");
	assert_global(&o, "TARGETARCH", "arm");
	assert_global(&o, "TARGETVARIANT", "v7");
	assert_global(&o, "TARGETSTAGE", "t");
	assert_global(&o, "BUILDPLATFORM", build);
	assert_global(&o, "BUILDOS", host.os);
	assert_global(&o, "BUILDARCH", "z");
	assert_global(&o, "BUILDVARIANT", host.variant);
	assert_global(&o, "A", "1");
	assert_global(&o, "B", "2");
	assert_global(&o, "C", NULL);
	assert_global(&o, "D", NULL);
	outcome_release(&o);
	assert_int_equal(make(&o, "FROM x\n", plain), 0);
	assert_global(&o, "TARGETSTAGE", "default");
	assert_global(&o, "TARGETVARIANT", "");
	assert_global(&o, "TARGETOSVERSION", "");
	outcome_release(&o);
	assert_int_equal(make(&o, "FROM x\nFROM y AS last\n", plain), 0);
	assert_global(&o, "TARGETSTAGE", "last");
}

static void unused_build_args_are_listed(void **state)
{
	(void)state;
	assert_plan("ARG A\nFROM x AS unneeded\nARG \"B\"=1 C\nFROM y\n",
		    (struct given){ .args = "A=1 B=2 C=3 D=4 HTTP_PROXY=x no_proxy=x BUILDKIT_X=1 "
					    "SOURCE_DATE_EPOCH=0 TARGETARCH=z AB=6" },
		    "stage stage-1 from image y for linux/amd64\n"
		    "unused --build-arg D\n"
		    "unused --build-arg AB\n");
}

static void errors_in_global_defaults_name_their_line(void **state)
{
	auto_free char *big = mem_zalloc((1 << 20) + 1);
	auto_buf struct buf args = BUF_INIT(2 << 20);

	(void)state;
	memset(big, 'x', 1 << 20);
	buf_addf(&args, "A=%s", big);
	assert_refused(
		"ARG A\nARG B=$A$A\nFROM x\n", (struct given){ .args = buf_str(&args) },
		"Dockerfile:2: failed to process '$A$A': more than 1048576 bytes after expansion");
}

static void each_platform_has_its_stages_and_shares_what_is_equal(void **state)
{
	static const struct given two = { .platform = "linux/amd64,linux/arm64" };
	auto_outcome struct outcome o;

	(void)state;
	assert_plan("FROM --platform=linux/s390x go AS build\nARG V\nRUN a\n"
		    "FROM build AS cross\nARG TARGETARCH\nRUN b\n"
		    "FROM scratch\nCOPY --from=cross /x /\nCOPY --from=build /y /\n",
		    two,
		    "stage build from image go for linux/s390x\n"
		    "    2  ARG V\n"
		    "    3  RUN a\n"
		    "stage cross from stage build for linux/s390x\n"
		    "    5  ARG TARGETARCH\n"
		    "    6  RUN b\n"
		    "stage stage-2 from scratch for linux/amd64\n"
		    "    8  COPY --from=cross /x /  << stage cross\n"
		    "    9  COPY --from=build /y /  << stage build\n"
		    "stage cross from stage build for linux/s390x\n"
		    "    5  ARG TARGETARCH\n"
		    "    6  RUN b\n"
		    "stage stage-2 from scratch for linux/arm64\n"
		    "    8  COPY --from=cross /x /  << stage cross\n"
		    "    9  COPY --from=build /y /  << stage build\n");
	/* a target is its platform's alone, and so is what a global made of the platform changes */
	assert_plan("ARG A=$TARGETARCH B=1\nFROM --platform=linux/s390x x AS a\nARG A\n"
		    "FROM --platform=linux/s390x x AS b\nARG B\nARG \"$B\"\n"
		    "FROM --platform=linux/s390x x AS t\nCOPY --from=a x /\nCOPY --from=b x /\n",
		    two,
		    "stage a from image x for linux/s390x\n"
		    "    3  ARG A\n"
		    "stage b from image x for linux/s390x\n"
		    "    5  ARG B\n"
		    "    6  ARG \"$B\"\n"
		    "stage t from image x for linux/s390x\n"
		    "    8  COPY --from=a x /  << stage a\n"
		    "    9  COPY --from=b x /  << stage b\n"
		    "stage a from image x for linux/s390x\n"
		    "    3  ARG A\n"
		    "stage b from image x for linux/s390x\n"
		    "    5  ARG B\n"
		    "    6  ARG \"$B\"\n"
		    "stage t from image x for linux/s390x\n"
		    "    8  COPY --from=a x /  << stage a\n"
		    "    9  COPY --from=b x /  << stage b\n");
	assert_int_equal(make(&o, "FROM x AS a\nFROM scratch\nCOPY --from=a y /\n", two), 0);
	assert_int_equal(o.plan->nr_targets, 2);
	assert_int_equal(o.plan->targets[0].stage, 1);
	assert_int_equal(o.plan->targets[1].stage, 3);
	assert_int_equal(o.plan->stages[3].target, 1);
	assert_int_equal(o.plan->stages[3].steps[0].from.stage, 2);
	assert_string_equal(strv_env_get(&o.plan->targets[1].globals, "TARGETARCH"), "arm64");
}

static void assert_epoch(const char *text, const char *args, bool has, int64_t epoch)
{
	auto_outcome struct outcome o;

	assert_int_equal(make(&o, text, (struct given){ .args = args }), 0);
	assert_int_equal(o.plan->has_epoch, has);
	assert_int_equal(o.plan->epoch, epoch);
}

static void an_argument_sets_the_epoch(void **state)
{
	(void)state;
	assert_epoch("FROM x\n", NULL, false, 0);
	assert_epoch("FROM x\n", "SOURCE_DATE_EPOCH=12", true, 12);
	assert_epoch("FROM x\n", "SOURCE_DATE_EPOCH=0", true, 0);
	assert_epoch("FROM x\n", "SOURCE_DATE_EPOCH=", false, 0);
	assert_epoch("ARG SOURCE_DATE_EPOCH=7\nFROM x\n", NULL, true, 7);
	assert_epoch("ARG SOURCE_DATE_EPOCH=7\nFROM x\n", "SOURCE_DATE_EPOCH=12", true, 12);
	assert_epoch("ARG SOURCE_DATE_EPOCH\nFROM x\n", NULL, false, 0);
	/* a stage's is a variable like any other */
	assert_epoch("FROM x\nARG SOURCE_DATE_EPOCH=7\n", NULL, false, 0);
	assert_refused("FROM x\n", (struct given){ .args = "SOURCE_DATE_EPOCH=1h" },
		       "invalid SOURCE_DATE_EPOCH: '1h'");
}

static void a_default_that_is_not_used_is_not_looked_at(void **state)
{
	(void)state;
	assert_plan("ARG A=${B:?needed}\nFROM $A\n", (struct given){ .args = "A=x" },
		    "stage stage-0 from image x for linux/amd64\n");
	assert_refused("ARG A=${B:?needed}\nFROM $A\n", plain,
		       "Dockerfile:1: failed to process '${B:?needed}': B: needed");
}

static void triggers_of_a_stage_come_first_in_its_children(void **state)
{
	(void)state;
	assert_plan("FROM x AS data\nFROM a AS base\nONBUILD COPY --from=data /d /\nRUN b\n"
		    "ONBUILD RUN c\nFROM base AS child\nRUN d\nFROM child\nRUN e\n",
		    plain,
		    "stage data from image x for linux/amd64\n"
		    "stage base from image a for linux/amd64\n"
		    "    3  ONBUILD COPY --from=data /d /\n"
		    "    4  RUN b\n"
		    "    5  ONBUILD RUN c\n"
		    "stage child from stage base for linux/amd64\n"
		    "    6  ONBUILD COPY --from=data /d /  << stage data\n"
		    "    6  ONBUILD RUN c\n"
		    "    7  RUN d\n"
		    "stage stage-3 from stage child for linux/amd64\n"
		    "    9  RUN e\n");
}

static void triggers_of_an_image_are_given_and_may_need_more_stages(void **state)
{
	auto_strv struct strv lines = STRV_INIT;
	struct plan_triggers t = { .kind = PLAN_IMAGE,
				   .ref = "onb",
				   .platform = { .os = "linux", .arch = "amd64" },
				   .lines = &lines };
	const struct given g = { .triggers = &t, .nr_triggers = 1 };

	(void)state;
	strv_add(&lines, "COPY --from=tools /t /");
	strv_add(&lines, "RUN --mount=from=img:1,target=/m x");
	assert_plan("FROM a AS tools\nFROM onb\nRUN y\n", g,
		    "stage tools from image a for linux/amd64\n"
		    "stage stage-1 from image onb for linux/amd64\n"
		    "    2  ONBUILD COPY --from=tools /t /  << stage tools\n"
		    "    2  ONBUILD RUN --mount=from=img:1,target=/m x\n"
		    "    3  RUN y\n");
	/* of another platform, or of what only has that name: not these */
	assert_plan("FROM --platform=linux/arm64 onb\n", g,
		    "stage stage-0 from image onb for linux/arm64\n");
	assert_plan("FROM onb\n",
		    (struct given){ .contexts = "onb", .triggers = &t, .nr_triggers = 1 },
		    "stage stage-0 from context onb for linux/amd64\n");
	assert_refused("FROM onb\nFROM b AS tools\n", g,
		       "Dockerfile:1: ONBUILD of image 'onb': COPY --from=tools /t /: cannot copy "
		       "from stage 'tools', it needs to be defined before current stage 'stage-0'");
	lines.v[1][0] = 'S';
	assert_refused("FROM a AS tools\nFROM onb\n", g,
		       "Dockerfile:2: ONBUILD of image 'onb': SUN --mount=from=img:1,target=/m x: "
		       "unknown instruction: SUN (did you mean RUN?)");
}

static void too_many_triggers_are_refused(void **state)
{
	auto_strv struct strv lines = STRV_INIT;
	struct plan_triggers t = { .kind = PLAN_IMAGE,
				   .ref = "onb",
				   .platform = { .os = "linux", .arch = "amd64" },
				   .lines = &lines };

	(void)state;
	for (size_t i = 0; i < 16385; i++)
		strv_add(&lines, "ENV a=b");
	assert_refused("FROM onb\n", (struct given){ .triggers = &t, .nr_triggers = 1 },
		       "Dockerfile:1: ONBUILD of image 'onb': ENV a=b: more than 16384 ONBUILD "
		       "triggers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_stage_is_the_target),
		cmocka_unit_test(only_needed_stages_are_planned_in_order),
		cmocka_unit_test(unknown_target_is_refused_with_a_guess),
		cmocka_unit_test(copy_sources_are_resolved),
		cmocka_unit_test(references_to_later_stages_are_refused),
		cmocka_unit_test(a_stage_may_have_the_name_of_its_image),
		cmocka_unit_test(of_equal_names_the_last_earlier_one_counts),
		cmocka_unit_test(named_contexts_beat_stages_and_images),
		cmocka_unit_test(from_lines_see_the_global_arguments),
		cmocka_unit_test(bases_that_are_no_reference_are_refused),
		cmocka_unit_test(platforms_come_from_flag_base_or_options),
		cmocka_unit_test(bad_platforms_are_refused),
		cmocka_unit_test(globals_hold_platform_and_declared_arguments),
		cmocka_unit_test(unused_build_args_are_listed),
		cmocka_unit_test(errors_in_global_defaults_name_their_line),
		cmocka_unit_test(each_platform_has_its_stages_and_shares_what_is_equal),
		cmocka_unit_test(an_argument_sets_the_epoch),
		cmocka_unit_test(triggers_of_a_stage_come_first_in_its_children),
		cmocka_unit_test(triggers_of_an_image_are_given_and_may_need_more_stages),
		cmocka_unit_test(too_many_triggers_are_refused),
		cmocka_unit_test(a_default_that_is_not_used_is_not_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
