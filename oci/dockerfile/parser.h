/*
 * Between parse.c (lines, the table of instructions, what all have in common), parse_flags.c and
 * the files that read one kind of instruction each. Nobody else includes this.
 *
 * What reads an instruction gets `rest`: the line behind the instruction's word and its flags,
 * trimmed. It fills in->words and what else belongs to it. Errors carry no place.
 */
#ifndef OCI_DOCKERFILE_PARSER_H
#define OCI_DOCKERFILE_PARSER_H

#include "base/buf.h"
#include "oci/dockerfile/ast.h"
#include "oci/dockerfile/lex.h"

struct parser {
	struct lex *lx;
	char escape;
	size_t nr_words;  /* of all instructions, each counting as one, too */
	bool is_trigger;  /* what is read stands behind ONBUILD */
	struct span line; /* all of it, with blanks at its end */
	struct buf mark;  /* the word that an error would be about */
	/* the here-documents of the line that is being read, as they follow it: "\nBODYNAME" each */
	struct buf bodies;
};

struct flag_rule {
	const char *name; /* NULL: the end of a table */
	/* field: what lies at offset `field` of the instruction. */
	int (*set)(const struct flag_rule *f, void *field, struct span value, struct err *e);
	size_t field; /* 0: the instruction itself */
	bool is_bool, may_repeat;
	size_t seen; /* of a bool member that notes that it was given; 0: none */
};

struct instr_rule {
	const char *name;
	enum dockerfile_kind kind;
	int (*parse)(struct parser *p, struct dockerfile_instr *in, struct span rest,
		     struct err *e);
	const struct flag_rule *flags;
	bool is_expanded; /* its words are, when it is carried out */
};

/* -- parse_flags.c -- */
extern const struct flag_rule flags_none[], flags_add[], flags_copy[], flags_from[],
	flags_healthcheck[], flags_run[];
/* Takes the flags off *rest. */
int parse_flags(struct parser *p, const struct instr_rule *rule, struct dockerfile_instr *in,
		struct span *rest, struct err *e);

/* -- parse.c -- */
int parse_instr(struct parser *p, struct dockerfile_instr *in, struct span text, struct err *e);
/* What is read now, for an excerpt of the line should it be wrong. */
void parse_mark(struct parser *p, struct span word);
/* Fails when in has no words. */
int parse_need_some(const struct dockerfile_instr *in, struct err *e);
/* Takes the bodies of the here-document that w opens; w->name is the instruction's afterwards. */
struct heredoc_word;
int parse_heredoc(struct parser *p, struct dockerfile_instr *in, struct heredoc_word *w,
		  struct err *e);

/* -- one function for each form of an instruction's line -- */
int parse_arg(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);
int parse_command(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);
int parse_copy(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);
int parse_expose(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);
int parse_from(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);
int parse_healthcheck(struct parser *p, struct dockerfile_instr *in, struct span rest,
		      struct err *e);
int parse_line(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);
int parse_onbuild(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);
int parse_pairs(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);
int parse_run(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);
int parse_shell(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);
int parse_stopsignal(struct parser *p, struct dockerfile_instr *in, struct span rest,
		     struct err *e);
int parse_volume(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e);

#endif
