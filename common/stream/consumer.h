/*
 * consumer — the main loop that every consumer process shares:
 *   tandem-<name> --config FILE [--instance ID] [--listen ADDR] [--check]
 * Subscribes to the handler's topics of every entity, `range` assignor, static membership
 * (group.instance.id = <ns>-<name>-<instance>), enable.auto.offset.store=false, rd_kafka_consumer_poll. Offsets are stored in order after
 * batch() returned 0, and committed every second and at a rebalance. Fenced by a second process with the same instance id: exit EXIT_FENCED.
 */
#ifndef TANDEM_STREAM_CONSUMER_H
#define TANDEM_STREAM_CONSUMER_H

#include "stream/handler.h"

int consumer_run(const struct handler_type *type, int argc, char **argv);

#endif
