/*
 * hash — FNV-1a, 64 bits, for tables of ids: they are short and come from one system that has no
 * reason to attack us.
 */
#ifndef TANDEM_POLL_HASH_H
#define TANDEM_POLL_HASH_H

#include "base/buf.h"

static inline uint64_t hash_id(struct span id)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (uint8_t)id.data[i]) * 1099511628211U;
    return hash ^ hash >> 32;
}

#endif
