/*
 * cdeploy: orcinus.yml -> services of a swarm. Only translates argv; deploy/ does the work.
 */
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/cdeploy.h"
#include "deploy/history_hide.h"
#include "deploy/spec_json.h"

/* What sounds like a secret is shown to those only who ask for it: jobs render into their logs. */
static int cmd_render(struct cdeploy *c, struct err *e)
{
	auto_json json_t *all = json_array(), *shown = NULL;
	auto_free char *text = NULL;
	json_t *spec;
	size_t i;

	for (i = 0; i < c->stack.nr; i++)
		json_array_append_new(all, deploy_spec_json(&c->stack.services[i], &c->owner));
	shown = json_deep_copy(all);
	json_array_foreach(shown, i, spec) if (!c->args.show_secrets) deploy_hide_from_view(spec);
	text = json_dumps(shown, JSON_INDENT(2));
	if (!text)
		return err_set(e, ERR_FAILED,
			       "render: the specification cannot be written as JSON");
	if (!json_equal(all, shown))
		progress_note(c->app->op.progress,
			      "what sounds like a secret is shown as ***; --show-secrets shows it");
	return app_result(c->app, text, e);
}

static const struct command {
	const char *name;
	int (*run)(struct cdeploy *c, struct err *e);
	size_t max_args; /* behind the name */
	bool no_file;	 /* reads the file itself, if at all */
} commands[] = {
	{ "up", cdeploy_up, 0, false },		 { "plan", cdeploy_plan, 0, false },
	{ "unlock", cdeploy_unlock, 0, true },	 { "render", cmd_render, 0, false },
	{ "check", cdeploy_check, 0, true },	 { "status", cdeploy_status, 0, true },
	{ "ps", cdeploy_ps, 0, true },		 { "logs", cdeploy_logs, 1, true },
	{ "scale", cdeploy_scale, 1, true },	 { "rm", cdeploy_rm, 0, true },
	{ "history", cdeploy_history, 0, true }, { "rollback", cdeploy_rollback, 1, true },
};

static int unknown_command(const struct app *app, const char *name, struct err *e)
{
	auto_free char *list = strv_join(&app->commands, ", ");

	return err_set(e, ERR_INPUT, "unknown command '%s' (%s)", name, list);
}

static const struct command *command_called(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int find_command(const struct command **out, const struct cdeploy *cd, struct err *e)
{
	const struct app *app = cd->app;
	const char *name = app->positional.n ? app->positional.v[0] : "up";
	const struct command *c = command_called(name);

	if (cd->args.dry_run && c == command_called("up"))
		c = command_called("plan");
	if (!c)
		return unknown_command(app, name, e);
	if (app->positional.n > c->max_args + 1)
		return err_set(e, ERR_INPUT, "%s: unexpected argument '%s'", name,
			       app->positional.v[c->max_args + 1]);
	*out = c;
	return 0;
}

static int cdeploy_main(struct cdeploy *c, int argc, char **argv, struct err *e)
{
	const struct command *command = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		strv_add(&c->app->commands, commands[i].name);
	r = app_parse(c->app, cdeploy_opts, &c->args, argc, argv, e);
	if (r <= 0)
		return r;
	if (find_command(&command, c, e) < 0 ||
	    cdeploy_args_check(&c->args, command->name, e) < 0 ||
	    app_credentials(c->app, c->args.authfile, e) < 0 || cdeploy_find_owner(c, e) < 0 ||
	    (!command->no_file && cdeploy_read_stack(c, e) < 0))
		return -1;
	app_certs(c->app);
	return command->run(c, e);
}

int main(int argc, char **argv)
{
	struct app app = APP_INIT(
		"cdeploy",
		"cdeploy [OPTIONS] [up|plan|render|check|status|ps|logs|scale|rm|history|rollback|"
		"unlock] [ARG]",
		"Brings the services of an orcinus.yml up on a Docker swarm.");
	struct cdeploy c = { .app = &app, .args = CDEPLOY_ARGS_INIT };
	struct err e = ERR_INIT;
	int r = cdeploy_main(&c, argc, argv, &e);
	int status = app_end(&app, r, &e);

	cdeploy_release(&c);
	return status;
}
