/*
 * One loop over argv, one function that stores a value by kind, and the same
 * function for variables, which are read first so that the command line wins.
 */
#include "cmd/opts.h"

#include "base/buf.h"
#include "base/span.h"

static void *field(const struct opt_table *t, const struct opt *o)
{
	return (char *)t->args + o->offset;
}

static int store_choice(const struct opt *o, void *at, const char *value, const char *name,
			struct err *e)
{
	struct span rest = span_of_str(o->arg), word;

	while (span_split(&rest, '|', &word))
		if (span_eq_str(word, value)) {
			*(const char **)at = value;
			return 0;
		}
	return err_set(e, ERR_INPUT, "%s: '%s' is not one of %s", name, value, o->arg);
}

static int store_number(const struct opt *o, void *at, const char *value, const char *name,
			struct err *e)
{
	uint64_t n;
	int64_t ns;

	if (o->kind == OPT_KIND_UINT) {
		if (span_to_u64(&n, span_of_str(value)) < 0 || n > 1000000)
			return err_set(e, ERR_INPUT, "%s: '%s' is not a number", name, value);
		*(unsigned *)at = (unsigned)n;
		return 0;
	}
	if (span_to_duration_ns(&ns, span_of_str(value)) < 0 || ns < 0)
		return err_set(e, ERR_INPUT, "%s: '%s' is not a duration like 90s or 5m", name,
			       value);
	*(int64_t *)at = ns / 1000000;
	return 0;
}

/* value is NULL for flags. name: for messages, "--tag" or "CPUSH_TAG". */
static int store(const struct opt_table *t, const struct opt *o, const char *value,
		 const char *name, struct err *e)
{
	void *at = field(t, o);

	switch (o->kind) {
	case OPT_KIND_FLAG:
		*(bool *)at = true;
		return 0;
	case OPT_KIND_COUNT:
		*(unsigned *)at += 1;
		return 0;
	case OPT_KIND_STR:
	case OPT_KIND_MAYBE:
		*(const char **)at = value;
		return 0;
	case OPT_KIND_LIST:
		strv_add(at, value);
		return 0;
	case OPT_KIND_CHOICE:
		return store_choice(o, at, value, name, e);
	default:
		return store_number(o, at, value, name, e);
	}
}

static bool takes_value(const struct opt *o)
{
	return o->kind != OPT_KIND_FLAG && o->kind != OPT_KIND_COUNT;
}

/* A flag's variable is on with "1", "true" or "yes"; a list's holds one value per line. */
static int store_variable(const struct opt_table *t, const struct opt *o, const char *value,
			  struct err *e)
{
	struct span rest = span_of_str(value), line;

	if (!takes_value(o)) {
		if (span_eq_str(rest, "1") || span_eq_nocase(rest, "true") ||
		    span_eq_nocase(rest, "yes"))
			return store(t, o, NULL, o->variable, e);
		if (span_eq_str(rest, "0") || span_eq_nocase(rest, "false") ||
		    span_eq_nocase(rest, "no"))
			return 0;
		return err_set(e, ERR_INPUT, "%s: '%s' is neither true nor false", o->variable,
			       value);
	}
	if (o->kind != OPT_KIND_LIST)
		return store(t, o, value, o->variable, e);
	while (span_line(&rest, &line))
		if (span_trim(line).n)
			strv_add_span(field(t, o), span_trim(line));
	return 0;
}

static int read_variables(const struct opt_table *tables, size_t nr, struct err *e)
{
	for (size_t i = 0; i < nr; i++)
		for (const struct opt *o = tables[i].opts; o->kind != OPT_KIND_END; o++) {
			const char *value = o->variable ? getenv(o->variable) : NULL;

			if (value && *value && store_variable(&tables[i], o, value, e) < 0)
				return -1;
		}
	return 0;
}

struct found {
	const struct opt_table *table;
	const struct opt *opt;
};

static bool find_long(struct found *f, const struct opt_table *tables, size_t nr, struct span name)
{
	for (size_t i = 0; i < nr; i++)
		for (const struct opt *o = tables[i].opts; o->kind != OPT_KIND_END; o++)
			if (o->name && span_eq_str(name, o->name)) {
				*f = (struct found){ &tables[i], o };
				return true;
			}
	return false;
}

static bool find_letter(struct found *f, const struct opt_table *tables, size_t nr, char letter)
{
	for (size_t i = 0; i < nr; i++)
		for (const struct opt *o = tables[i].opts; o->kind != OPT_KIND_END; o++)
			if (o->letter == letter) {
				*f = (struct found){ &tables[i], o };
				return true;
			}
	return false;
}

/* The option that shares the longest beginning with what was typed, at least two characters. */
static const char *nearest(const struct opt_table *tables, size_t nr, struct span name)
{
	const char *best = NULL;
	size_t best_n = 1;

	for (size_t i = 0; i < nr; i++)
		for (const struct opt *o = tables[i].opts; o->kind != OPT_KIND_END; o++) {
			size_t n = 0;

			while (o->name && n < name.n && o->name[n] && o->name[n] == name.p[n])
				n++;
			if (n > best_n) {
				best_n = n;
				best = o->name;
			}
		}
	return best;
}

struct parse {
	const struct opt_table *tables;
	size_t nr;
	int argc, at;
	char **argv;
};

static const char *next_value(struct parse *p)
{
	return p->at + 1 < p->argc ? p->argv[++p->at] : NULL;
}

static int unknown_long(const struct parse *p, struct span name, struct err *e)
{
	const char *near;

	for (size_t i = 0; i < p->nr; i++)
		for (const struct opt_elsewhere *x = p->tables[i].elsewhere; x && x->name; x++)
			if (span_eq_str(name, x->name))
				return err_set(e, ERR_INPUT, "no option '--%s': %s", x->name,
					       x->hint);
	near = nearest(p->tables, p->nr, name);
	return err_set(e, ERR_INPUT, "unknown option '--" SPAN_FMT "'%s%s%s", SPAN_ARG(name),
		       near ? " (did you mean --" : " (--help lists them all)", near ? near : "",
		       near ? "?)" : "");
}

/* "--pull=false" takes back what a variable or an earlier one has set. */
static int parse_flag(const struct found *f, const char *value, const char *arg, struct err *e)
{
	bool on = !value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

	if (f->opt->kind == OPT_KIND_COUNT)
		return value ? err_set(e, ERR_INPUT, "--%s takes no value", f->opt->name)
			     : store(f->table, f->opt, NULL, arg, e);
	if (!on && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return err_set(e, ERR_INPUT, "--%s is true or false, not '%.100s'", f->opt->name,
			       value);
	*(bool *)field(f->table, f->opt) = on;
	return 0;
}

static int parse_long(struct parse *p, const char *arg, struct err *e)
{
	struct span name, value;
	struct found f;
	bool has_value = span_cut(span_of_str(arg + 2), '=', &name, &value);
	const char *text = has_value ? value.p : NULL;

	if (!find_long(&f, p->tables, p->nr, name))
		return unknown_long(p, name, e);
	if (!takes_value(f.opt))
		return parse_flag(&f, text, arg, e);
	if (!has_value && f.opt->kind == OPT_KIND_MAYBE)
		text = "";
	else if (!has_value && !(text = next_value(p))) {
		return err_set(e, ERR_INPUT, "--%s needs a value (%s)", f.opt->name, f.opt->arg);
	}
	return store(f.table, f.opt, text, arg, e);
}

/* "-qv", "-tNAME", "-t NAME" */
static int parse_short(struct parse *p, const char *arg, struct err *e)
{
	for (const char *c = arg + 1; *c; c++) {
		struct found f;
		char name[3] = { '-', *c, '\0' };
		const char *value = NULL;

		if (!find_letter(&f, p->tables, p->nr, *c))
			return err_set(e, ERR_INPUT, "unknown option '-%c' (--help lists them all)",
				       *c);
		if (takes_value(f.opt)) {
			value = c[1] ? c + 1 : next_value(p);
			if (!value)
				return err_set(e, ERR_INPUT, "-%c needs a value (%s)", *c,
					       f.opt->arg);
		}
		if (store(f.table, f.opt, value, name, e) < 0)
			return -1;
		if (value)
			break;
	}
	return 0;
}

int opts_parse(const struct opt_table *tables, size_t nr, int argc, char **argv,
	       struct strv *positional, struct err *e)
{
	struct parse p = { .tables = tables, .nr = nr, .argc = argc, .at = 1, .argv = argv };
	bool ended = false;

	if (read_variables(tables, nr, e) < 0)
		return -1;
	for (; p.at < argc; p.at++) {
		const char *arg = argv[p.at];

		if (ended || arg[0] != '-' || !arg[1]) {
			strv_add(positional, arg);
		} else if (strcmp(arg, "--") == 0) {
			ended = true;
		} else if (arg[1] == '-') {
			if (parse_long(&p, arg, e) < 0)
				return -1;
		} else if (parse_short(&p, arg, e) < 0) {
			return -1;
		}
	}
	return 0;
}

static void usage_line(const struct opt *o)
{
	auto_buf struct buf left = BUF_INIT(BUF_SMALL);

	if (o->letter)
		buf_addf(&left, "  -%c, ", o->letter);
	else
		buf_add_str(&left, "      ");
	buf_addf(&left, "--%s", o->name);
	if (o->arg)
		buf_addf(&left, o->kind == OPT_KIND_MAYBE ? "[=%s]" : " %s", o->arg);
	printf("%-34s%s%s", buf_str(&left),
	       left.len > 33 ? "\n                                  " : "", o->help);
	if (o->variable)
		printf(" [%s]", o->variable);
	printf("\n");
}

void opts_usage(const struct opt_table *tables, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		for (const struct opt *o = tables[i].opts; o->kind != OPT_KIND_END; o++)
			usage_line(o);
}

void opts_dump(const struct opt_table *tables, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		for (const struct opt *o = tables[i].opts; o->kind != OPT_KIND_END; o++)
			printf("%c %s %s %s\n", o->letter ? o->letter : '-', o->name,
			       o->arg && o->kind != OPT_KIND_MAYBE ? o->arg : "-",
			       o->variable ? o->variable : "-");
}
