/*
 * producer — the main loop that every producer process shares:
 *   tandem-<type> --config FILE --source NAME [--instance ID] [--listen ADDR] [--check]
 * --check reads the configuration with this type's options, prints the mistakes and exits (0, or EX_CONFIG).
 */
#ifndef TANDEM_STREAM_PRODUCER_H
#define TANDEM_STREAM_PRODUCER_H

#include "stream/source.h"

int producer_run(const struct source_type *type, int argc, char **argv);

#endif
