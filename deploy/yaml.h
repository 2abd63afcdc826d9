/*
 * YAML text as a tree of values that remember where they stood and how they
 * were written. A scalar keeps its source text: 22:22, 0755 and 1.10 stay what
 * the user wrote; only whoever reads a value decides that it is a number.
 *
 *	auto_deploy_yaml struct deploy_yaml *doc = NULL;
 *	if (deploy_yaml_read(&doc, "orcinus.yml", text, &warnings, e) < 0)
 *		return -1;
 *	v = yaml_map_get(doc->root, "services");
 *
 * JSON is read by the same door, being YAML. Values belong to the document;
 * an alias is the same value twice, so nothing in a tree may be changed. No value
 * holds itself. Everything is bounded, also what aliases and merge keys unfold to.
 */
#ifndef DEPLOY_YAML_H
#define DEPLOY_YAML_H

#include "base/cc.h"
#include "base/err.h"
#include "base/span.h"
#include "base/strv.h"

#define DEPLOY_YAML_MAX	      (1u << 20) /* bytes of one file */
#define DEPLOY_YAML_DEPTH_MAX 64
#define DEPLOY_YAML_NODES_MAX 10000 /* with every alias unfolded */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_value;
struct yaml_pair {
	struct yaml_value *key, *value; /* key: always a scalar */
};

struct yaml_value {
	enum yaml_kind kind;
	unsigned line, column; /* from 1 */
	unsigned width;	       /* columns it takes on that line; 1 for a list or a map */
	bool plain;	       /* scalar: neither quoted nor tagged as text */
	char *text;	       /* scalar: without NUL inside */
	struct yaml_value **items;
	struct yaml_pair *pairs; /* no key twice; own keys first, then merged ones */
	size_t nr, cap;		 /* of items or pairs */
	size_t weight;		 /* values in it, aliases unfolded */
	bool open;		 /* still being read: an alias to it would be a loop */
};

struct deploy_yaml {
	struct yaml_value *root; /* NULL: the text holds no value */
	struct yaml_value **all;
	size_t nr, cap;
};

/*
 * file is for messages. A key that stands twice in a map: the first counts (in a file whose name ends in
 * .json the last) and warnings gets a line; without warnings (NULL) it is refused.
 * ERR_INPUT, "orcinus.yml:3:5: …": not YAML, several
 * documents, a tag that is not YAML's own, too big, too deep, too many values.
 */
int deploy_yaml_read(struct deploy_yaml **out, const char *file, struct span text,
		     struct strv *warnings, struct err *e) MUST_CHECK;
void deploy_yaml_free(struct deploy_yaml *doc);

const struct yaml_value *yaml_map_get(const struct yaml_value *map, const char *key); /* or NULL */
bool yaml_is_null(const struct yaml_value *v); /* nothing, ~ or null, not in quotes; also NULL */
const char *yaml_kind_name(const struct yaml_value *v); /* "a list", "a map", "text", "empty" */

DEFINE_AUTO(deploy_yaml, deploy_yaml_free)
#define auto_deploy_yaml CLEANUP(deploy_yaml_auto_)

#endif
