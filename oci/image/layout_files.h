/* The names in a layout's folder and in its index.json. Private to oci/image. */
#ifndef OCI_IMAGE_LAYOUT_FILES_H
#define OCI_IMAGE_LAYOUT_FILES_H

#define LAYOUT_FILE	  "oci-layout"
#define INDEX_FILE	  "index.json"
#define INDEX_LOCK	  ".index.lock"
#define LAYOUT_SWEEP_LOCK ".sweep.lock"

#define LAYOUT_REF_NAME	  "org.opencontainers.image.ref.name"
#define LAYOUT_IMAGE_NAME "io.containerd.image.name"

#endif
