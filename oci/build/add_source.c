/*
 * Told apart here, and refused: nothing is fetched and nothing unpacked yet, and a copy of an archive
 * where its contents were asked for would be a wrong image.
 */
#include "oci/build/add_source.h"

#include "oci/build/remote.h"
#include "oci/layer/archive.h"

enum add_kind add_source_kind(const char *word)
{
	switch (remote_kind_of(word)) {
	case REMOTE_FILE:
		return ADD_URL;
	case REMOTE_GIT:
		return ADD_GIT;
	case REMOTE_NONE:
		break;
	}
	return ADD_LOCAL;
}

int add_source_fetch(struct add_fetched *out, struct step *s, const char *word, struct err *e)
{
	(void)out, (void)s, (void)word;
	return err_set(e, ERR_INPUT, "ADD of addresses is not supported by this version");
}

int add_archive_extract(struct step *s, struct copier *c, const struct source_match *m,
			const char *dest, struct err *e)
{
	auto_close int fd = tree_open_file(c->from->tree, m->real, e);
	int r = fd < 0 ? -1 : archive_detect(fd, e);

	(void)s, (void)dest;
	if (r > 0)
		return err_set(e, ERR_INPUT,
			       "'%s' is an archive: unpacking one is not supported by this version "
			       "(COPY copies it as it is)",
			       m->path);
	return r;
}
