/*
 * Releasing what parse.c makes, and the names of the kinds.
 */
#include "oci/dockerfile/ast.h"

#include "oci/dockerfile/mount.h"

static const char *const names[] = {
	[DOCKERFILE_ADD] = "ADD",
	[DOCKERFILE_ARG] = "ARG",
	[DOCKERFILE_CMD] = "CMD",
	[DOCKERFILE_COPY] = "COPY",
	[DOCKERFILE_ENTRYPOINT] = "ENTRYPOINT",
	[DOCKERFILE_ENV] = "ENV",
	[DOCKERFILE_EXPOSE] = "EXPOSE",
	[DOCKERFILE_FROM] = "FROM",
	[DOCKERFILE_HEALTHCHECK] = "HEALTHCHECK",
	[DOCKERFILE_LABEL] = "LABEL",
	[DOCKERFILE_MAINTAINER] = "MAINTAINER",
	[DOCKERFILE_ONBUILD] = "ONBUILD",
	[DOCKERFILE_RUN] = "RUN",
	[DOCKERFILE_SHELL] = "SHELL",
	[DOCKERFILE_STOPSIGNAL] = "STOPSIGNAL",
	[DOCKERFILE_USER] = "USER",
	[DOCKERFILE_VOLUME] = "VOLUME",
	[DOCKERFILE_WORKDIR] = "WORKDIR",
};

const char *dockerfile_kind_name(enum dockerfile_kind k)
{
	return names[k];
}

void dockerfile_instr_release(struct dockerfile_instr *i)
{
	char *const texts[] = { i->keyword,  i->text,  i->doc,	      i->script,  i->from,
				i->chown,    i->chmod, i->checksum,   i->network, i->security,
				i->platform, i->name,  i->as_keyword, i->raw_name };

	for (size_t k = 0; k < ARRAY_LEN(texts); k++)
		free(texts[k]);
	for (size_t k = 0; k < i->nr_heredocs; k++) {
		free(i->heredocs[k].name);
		free(i->heredocs[k].body);
	}
	free(i->heredocs);
	for (size_t k = 0; k < i->nr_mounts; k++)
		dockerfile_mount_release(&i->mounts[k]);
	free(i->mounts);
	strv_release(&i->exclude);
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
	free(d->text);
	free(d->check);
	free(d->syntax);
	free(d->empty_continuations);
	free(d);
}
