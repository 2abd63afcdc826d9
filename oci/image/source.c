/* What every image source has in common: that it ends. */
#include "oci/image/source.h"

void image_source_free(struct image_source *src)
{
	if (src)
		src->free(src);
}
