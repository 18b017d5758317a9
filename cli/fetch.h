/*
 * fetch — a GET of a process's health listener.
 */
#ifndef TANDEM_CLI_FETCH_H
#define TANDEM_CLI_FETCH_H

#include <stdbool.h>

#include "base/buf.h"
#include "remote/http_client.h"

/* GET http://<address><path> into out. Returns the status, or -1 when there was no answer. */
int fetch(struct http_client *client, const char *address, const char *path, struct buf *out);

/*
 * The sum of all series of a metric in Prometheus' text whose labels contain label (NULL: any).
 * False when there is none.
 */
bool fetch_metric(struct span text, const char *name, const char *label, double *ret_value);

/*
 * Which series of a gauge are above 0, among those whose labels contain label: the values of their label called by, "Phone, Fax". ret_text is
 * left alone when there is none.
 */
void fetch_raised(struct span text, const char *name, const char *label, const char *by,
                  char *ret_text, size_t size);

#endif
