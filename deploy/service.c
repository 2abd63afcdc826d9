/*
 * A stack owns all that is in it; half-built ones are released the same way.
 */
#include "deploy/service.h"

static void mounts_release(struct deploy_service *s)
{
	for (size_t i = 0; i < s->nr_mounts; i++) {
		struct deploy_mount *m = &s->mounts[i];

		free(m->source);
		free(m->target);
		free(m->driver);
		strv_release(&m->driver_options);
		strv_release(&m->volume_labels);
	}
	free(s->mounts);
}

static void files_release(struct deploy_file *files, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		free(files[i].object);
		free(files[i].target);
		free(files[i].uid);
		free(files[i].gid);
	}
	free(files);
}

static void lists_release(struct deploy_service *s)
{
	struct strv *lists[] = {
		&s->depends_on,	 &s->command,	       &s->args,
		&s->env,	 &s->groups,	       &s->health.test,
		&s->labels,	 &s->container_labels, &s->hosts,
		&s->dns,	 &s->dns_search,       &s->dns_options,
		&s->sysctls,	 &s->cap_add,	       &s->cap_drop,
		&s->log_options, &s->networks,	       &s->aliases,
		&s->constraints, &s->spread,	       &s->reserved_generic,
	};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		strv_release(lists[i]);
}

void deploy_service_release(struct deploy_service *s)
{
	lists_release(s);
	mounts_release(s);
	files_release(s->secrets, s->nr_secrets);
	files_release(s->configs, s->nr_configs);
	for (size_t i = 0; i < s->nr_ulimits; i++)
		free(s->ulimits[i].name);
	free(s->ulimits);
	free(s->ports);
	free(s->platforms);
	free(s->name);
	free(s->image);
	free(s->pinned_image);
	free(s->dir);
	free(s->user);
	free(s->stop_signal);
	free(s->hostname);
	free(s->log_driver);
	json_decref(s->recorded);
	*s = (struct deploy_service){ 0 };
}

static void network_release(struct deploy_network *n)
{
	free(n->name);
	free(n->driver);
	free(n->ipam_driver);
	strv_release(&n->driver_options);
	strv_release(&n->labels);
	for (size_t i = 0; i < n->nr_subnets; i++) {
		free(n->subnets[i].subnet);
		free(n->subnets[i].gateway);
		free(n->subnets[i].ip_range);
	}
	free(n->subnets);
}

static void object_release(struct deploy_object *o)
{
	if (o->data)
		explicit_bzero(o->data, o->size);
	free(o->data);
	free(o->name);
	free(o->logical);
	free(o->template_driver);
	strv_release(&o->labels);
}

void deploy_stack_release(struct deploy_stack *s)
{
	free(s->name);
	strv_release(&s->make_networks);
	for (size_t i = 0; i < s->nr_networks; i++)
		network_release(&s->networks[i]);
	free(s->networks);
	for (size_t i = 0; i < s->nr_objects; i++)
		object_release(&s->objects[i]);
	free(s->objects);
	for (size_t i = 0; i < s->nr; i++)
		deploy_service_release(&s->services[i]);
	free(s->services);
	*s = (struct deploy_stack){ 0 };
}

const struct deploy_network *deploy_stack_network(const struct deploy_stack *s, const char *name)
{
	for (size_t i = 0; i < s->nr_networks; i++)
		if (strcmp(s->networks[i].name, name) == 0)
			return &s->networks[i];
	return NULL;
}

static const char *const modes[] = {
	[DEPLOY_REPLICATED] = "replicated",
	[DEPLOY_GLOBAL] = "global",
	[DEPLOY_REPLICATED_JOB] = "replicated-job",
	[DEPLOY_GLOBAL_JOB] = "global-job",
};

const char *deploy_mode_name(enum deploy_mode mode)
{
	return modes[mode];
}

bool deploy_mode_is_job(enum deploy_mode mode)
{
	return mode == DEPLOY_REPLICATED_JOB || mode == DEPLOY_GLOBAL_JOB;
}
