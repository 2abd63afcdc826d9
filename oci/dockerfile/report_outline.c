/*
 * The outline of a target: everything that it and the stages it needs take from outside, each
 * name once, in the order of the file.
 */
#include "base/mem.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/report.h"
#include "oci/dockerfile/report_table.h"

struct item {
	char *name;
	const char *value, *description; /* borrowed; NULL: none */
	bool required;
};
struct items {
	struct item *v;
	size_t nr, cap;
};
struct outline {
	struct items args, secrets, ssh, caches;
};

static struct item *add(struct items *list, const char *name)
{
	for (size_t i = 0; i < list->nr; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return &list->v[i];
	MEM_GROW(list->v, list->nr, list->cap);
	list->v[list->nr] = (struct item){ .name = mem_strdup(name) };
	return &list->v[list->nr++];
}

static void items_release(struct items *list)
{
	for (size_t i = 0; i < list->nr; i++)
		free(list->v[i].name);
	free(list->v);
}

static void outline_release(struct outline *o)
{
	items_release(&o->args);
	items_release(&o->secrets);
	items_release(&o->ssh);
	items_release(&o->caches);
}

/* A value given or a global default goes before what the instruction itself says. */
static void add_args(struct outline *o, const struct dockerfile_instr *in,
		     const struct strv *globals)
{
	for (size_t i = 0; i < in->words.n; i++) {
		struct span key, value;
		bool has_default = span_cut(span_of_str(in->words.v[i]), '=', &key, &value);
		auto_free char *name = span_dup(key);
		struct item *it = add(&o->args, name);
		const char *global = strv_env_get(globals, name);

		if (global)
			it->value = global;
		else if (has_default && !it->value)
			it->value = in->words.v[i] + key.n + 1;
		if (in->doc && !it->description)
			it->description = report_description(in, name);
	}
}

static void add_mount(struct outline *o, const struct dockerfile_mount *m)
{
	const char *name = m->id ? m->id : m->type == DOCKERFILE_MOUNT_SECRET ? m->source : NULL;
	struct item *it = NULL;

	if (m->type == DOCKERFILE_MOUNT_SECRET) {
		const char *slash = m->target ? strrchr(m->target, '/') : NULL;

		it = add(&o->secrets, name ? name : slash ? slash + 1 : m->target ? m->target : "");
	} else if (m->type == DOCKERFILE_MOUNT_SSH) {
		it = add(&o->ssh, name ? name : "default");
	} else if (m->type == DOCKERFILE_MOUNT_CACHE) {
		it = add(&o->caches, name ? name : m->target ? m->target : "");
	}
	if (it)
		it->required |= m->required;
}

/* Those that a FROM line uses; a stage may never declare them. */
static void add_globals(struct outline *o, const struct dockerfile_plan *plan)
{
	static const struct strv nothing = STRV_INIT;
	const struct dockerfile *df = plan->file;
	auto_strv struct strv used = STRV_INIT;

	for (size_t i = 0; i < plan->nr; i++) {
		const struct dockerfile_instr *from = plan->stages[i].from;

		dockerfile_unset_names(&used, from->words.v[0], &nothing, df->escape);
		if (from->platform)
			dockerfile_unset_names(&used, from->platform, &nothing, df->escape);
	}
	for (size_t i = 0; i < df->nr_global_args; i++) {
		struct span key, value;
		auto_free char *name = NULL;

		span_cut(span_of_str(df->global_args[i].words.v[0]), '=', &key, &value);
		name = span_dup(key);
		if (strv_has(&used, name))
			add_args(o, &df->global_args[i], &plan->targets[0].globals);
	}
}

static void collect(struct outline *o, const struct dockerfile_plan *plan)
{
	add_globals(o, plan);
	for (size_t i = 0; i < plan->nr; i++)
		for (size_t k = 0; k < plan->stages[i].nr; k++) {
			const struct dockerfile_instr *in = plan->stages[i].steps[k].instr;

			if (in->kind == DOCKERFILE_ARG)
				add_args(o, in, &plan->targets[0].globals);
			for (size_t m = 0; m < in->nr_mounts; m++)
				add_mount(o, &in->mounts[m]);
		}
}

/* -- text ------------------------------------------------------------------------------ */

static void print_table(struct buf *out, const struct items *list, const char *const head[3],
			bool is_args)
{
	CLEANUP(report_table_release)
	struct report_table t = { .nr_columns = is_args ? 3 : 2 };

	report_table_row(&t, head);
	for (size_t i = 0; i < list->nr; i++) {
		const struct item *it = &list->v[i];

		report_table_row(&t, (const char *const[]){ it->name,
							    is_args	   ? it->value
							    : it->required ? "true"
									   : "",
							    it->description });
	}
	if (list->nr)
		buf_add_char(out, '\n');
	report_table_print(out, &t);
}

void report_outline(struct buf *out, const struct dockerfile_plan *plan)
{
	const struct plan_stage *target = &plan->stages[plan->targets[0].stage];
	CLEANUP(outline_release) struct outline o = { .args = { NULL, 0, 0 } };

	collect(&o, plan);
	buf_addf(out, "TARGET:      %s\n", target->name);
	if (target->from->doc)
		buf_addf(out, "DESCRIPTION: %s\n",
			 report_description(target->from, target->from->name));
	print_table(out, &o.args, (const char *const[]){ "BUILD ARG", "VALUE", "DESCRIPTION" },
		    true);
	print_table(out, &o.secrets, (const char *const[]){ "SECRET", "REQUIRED", NULL }, false);
	print_table(out, &o.ssh, (const char *const[]){ "SSH", "REQUIRED", NULL }, false);
	print_table(out, &o.caches, (const char *const[]){ "CACHE", "", NULL }, false);
}

/* -- JSON ------------------------------------------------------------------------------ */

static void add_items_json(struct buf *out, const char *key, const char *name_key,
			   const struct items *list)
{
	if (!list->nr)
		return;
	buf_addf(out, ",\n  \"%s\": [", key);
	for (size_t i = 0; i < list->nr; i++) {
		const struct item *it = &list->v[i];

		buf_addf(out, "%s\n    {\"%s\": ", i ? "," : "", name_key);
		buf_add_json(out, it->name);
		if (it->value) {
			buf_add_str(out, ", \"value\": ");
			buf_add_json(out, it->value);
		}
		if (it->description) {
			buf_add_str(out, ", \"description\": ");
			buf_add_json(out, it->description);
		}
		buf_addf(out, "%s}", it->required ? ", \"required\": true" : "");
	}
	buf_add_str(out, "\n  ]");
}

void report_outline_json(struct buf *out, const struct dockerfile_plan *plan)
{
	const struct plan_stage *target = &plan->stages[plan->targets[0].stage];
	CLEANUP(outline_release) struct outline o = { .args = { NULL, 0, 0 } };

	collect(&o, plan);
	buf_add_str(out, "{\n  \"name\": ");
	buf_add_json(out, target->name);
	if (target->from->doc) {
		buf_add_str(out, ",\n  \"description\": ");
		buf_add_json(out, report_description(target->from, target->from->name));
	}
	add_items_json(out, "args", "name", &o.args);
	add_items_json(out, "secrets", "name", &o.secrets);
	add_items_json(out, "ssh", "name", &o.ssh);
	add_items_json(out, "cache", "ID", &o.caches);
	buf_add_str(out, "\n}\n");
}
