/*
 * A stack owns all that is in it; half-built ones are released the same way.
 */
#include "deploy/service.h"

void deploy_service_release(struct deploy_service *s)
{
	free(s->name);
	free(s->image);
	free(s->pinned_image);
	free(s->platforms);
	strv_release(&s->args);
	strv_release(&s->env);
	strv_release(&s->labels);
	strv_release(&s->constraints);
	strv_release(&s->networks);
	free(s->ports);
	for (size_t i = 0; i < s->nr_mounts; i++) {
		free(s->mounts[i].source);
		free(s->mounts[i].target);
		strv_release(&s->mounts[i].driver_options);
	}
	free(s->mounts);
	*s = (struct deploy_service){ 0 };
}

void deploy_stack_release(struct deploy_stack *s)
{
	free(s->name);
	strv_release(&s->make_networks);
	for (size_t i = 0; i < s->nr; i++)
		deploy_service_release(&s->services[i]);
	free(s->services);
	*s = (struct deploy_stack){ 0 };
}
