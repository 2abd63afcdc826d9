/*
 * Releasing what parse.c makes, and the names of the kinds.
 */
#include "oci/dockerfile/ast.h"

static const char *const names[] = {
	[DOCKERFILE_ARG] = "ARG",	  [DOCKERFILE_CMD] = "CMD",
	[DOCKERFILE_COPY] = "COPY",	  [DOCKERFILE_ENTRYPOINT] = "ENTRYPOINT",
	[DOCKERFILE_ENV] = "ENV",	  [DOCKERFILE_EXPOSE] = "EXPOSE",
	[DOCKERFILE_FROM] = "FROM",	  [DOCKERFILE_LABEL] = "LABEL",
	[DOCKERFILE_RUN] = "RUN",	  [DOCKERFILE_USER] = "USER",
	[DOCKERFILE_WORKDIR] = "WORKDIR",
};

const char *dockerfile_kind_name(enum dockerfile_kind k)
{
	return names[k];
}

void dockerfile_instr_release(struct dockerfile_instr *i)
{
	free(i->text);
	free(i->from);
	free(i->chown);
	free(i->chmod);
	free(i->platform);
	free(i->name);
	strv_release(&i->words);
	*i = (struct dockerfile_instr){ 0 };
}

static void release_all(struct dockerfile_instr *instrs, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		dockerfile_instr_release(&instrs[i]);
	free(instrs);
}

void dockerfile_free(struct dockerfile *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->nr_stages; i++) {
		dockerfile_instr_release(&d->stages[i].from);
		release_all(d->stages[i].instrs, d->stages[i].nr);
	}
	free(d->stages);
	release_all(d->global_args, d->nr_global_args);
	free(d->file);
	free(d);
}
