/*
 * connector_rule — what each operation of a connector file may and must have.
 */
#include "remote/connector_internal.h"
#include "remote/rest.h"

_Static_assert(
    (int)OPERATION_BACKFILL == (int)REST_BACKFILL &&
        (int)OPERATION_CREATE_PROPERTY == (int)REST_CREATE_PROPERTY &&
        (int)OPERATION_HISTORY == (int)REST_HISTORY && (int)OPERATION_LINK == (int)REST_LINK &&
        (int)OPERATION_UNLINK == (int)REST_UNLINK && (int)OPERATION_LINKS == (int)REST_LINKS &&
        (int)OPERATION_PIPELINES == (int)REST_PIPELINES &&
        (int)OPERATION_LINK_TYPES == (int)REST_LINK_TYPES &&
        (int)OPERATION_ARCHIVE == (int)REST_ARCHIVE && (int)OPERATION_DELETE == (int)REST_DELETE &&
        (int)OPERATION_ENDED == (int)REST_ENDED && (int)OPERATION_DELETED == (int)REST_DELETED &&
        (int)OPERATION_CREATE_IF_ABSENT == (int)REST_KIND_COUNT,
    "in the order of enum rest_kind");

const char *const OPERATION_NAMES[] = {
    "backfill",         "incremental", "read",   "list",       "count",
    "upsert",           "create",      "update", "properties", "create_property",
    "history",          "link",        "unlink", "links",      "pipelines",
    "link_types",       "archive",     "delete", "ended",      "deleted",
    "create_if_absent", "search",      NULL};
_Static_assert(sizeof(OPERATION_NAMES) / sizeof(OPERATION_NAMES[0]) == OPERATION_KIND_COUNT + 1,
               "a name per operation");

#define FIELDS (PH_BIT(PH_FIELDS) | PH_BIT(PH_FIELDS_JSON))
#define ITEM                                                                          \
    (PH_BIT(PH_ID) | PH_BIT(PH_EXTERNAL_ID) | PH_BIT(PH_VERSION) | PH_BIT(PH_TRACE) | \
     PH_BIT(PH_PROPERTIES))

#define ENDS                                                                     \
    (PH_BIT(PH_ID) | PH_BIT(PH_TO_ID) | PH_BIT(PH_TO_OBJECT) | PH_BIT(PH_TYPE) | \
     PH_BIT(PH_CATEGORY))

const struct operation_rule OPERATION_RULES[OPERATION_KIND_COUNT] = {
    [OPERATION_BACKFILL] = {.allowed = FIELDS | PH_BIT(PH_PAGE) | PH_BIT(PH_AFTER_ID),
                            .required = PH_BIT(PH_AFTER_ID),
                            .records = true},
    [OPERATION_INCREMENTAL] = {.allowed = FIELDS | PH_BIT(PH_PAGE) | PH_BIT(PH_AFTER_ID) |
                                          PH_BIT(PH_FROM) | PH_BIT(PH_TO),
                               .required = PH_BIT(PH_AFTER_ID) | PH_BIT(PH_FROM) | PH_BIT(PH_TO),
                               .records = true},
    [OPERATION_READ] = {.allowed = FIELDS | PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                        .required = PH_BIT(PH_EACH),
                        .each = PH_BIT(PH_ID) | PH_BIT(PH_ID_PROPERTY),
                        .records = true},
    [OPERATION_SEARCH] = {.allowed = FIELDS | PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                          .required = PH_BIT(PH_EACH) | PH_BIT(PH_ID_PROPERTY),
                          .each = PH_BIT(PH_ID) | PH_BIT(PH_ID_PROPERTY),
                          .records = true},
    [OPERATION_LIST] = {.allowed = FIELDS | PH_BIT(PH_PAGE) | PH_BIT(PH_CURSOR),
                        .required = PH_BIT(PH_CURSOR),
                        .records = true},
    [OPERATION_COUNT] = {.total = true},
    [OPERATION_UPSERT] = {.allowed = PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                          .required = PH_BIT(PH_EACH),
                          .each = ITEM | PH_BIT(PH_ID_PROPERTY),
                          .results = true},
    [OPERATION_CREATE] = {.allowed = PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                          .required = PH_BIT(PH_EACH),
                          .each = ITEM | PH_BIT(PH_ID_PROPERTY),
                          .results = true},
    [OPERATION_UPDATE] = {.allowed = PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                          .required = PH_BIT(PH_EACH),
                          .each = ITEM | PH_BIT(PH_ID_PROPERTY),
                          .results = true},
    [OPERATION_PROPERTIES] = {.records = true},
    [OPERATION_CREATE_PROPERTY] = {.allowed = PH_BIT(PH_PROPERTY_NAME) | PH_BIT(PH_PROPERTY_UNIQUE),
                                   .required = PH_BIT(PH_PROPERTY_NAME)},
    [OPERATION_HISTORY] = {.allowed = FIELDS | PH_BIT(PH_EACH),
                           .required = PH_BIT(PH_EACH),
                           .each = PH_BIT(PH_ID),
                           .records = true,
                           .entry = true},
    [OPERATION_LINK] = {.allowed = PH_BIT(PH_TO_OBJECT) | PH_BIT(PH_EACH),
                        .required = PH_BIT(PH_EACH),
                        .each = ENDS,
                        .results = true,
                        .link = true},
    [OPERATION_UNLINK] = {.allowed = PH_BIT(PH_TO_OBJECT) | PH_BIT(PH_EACH),
                          .required = PH_BIT(PH_EACH),
                          .each = ENDS},
    [OPERATION_LINKS] = {.allowed = PH_BIT(PH_TO_OBJECT) | PH_BIT(PH_EACH),
                         .required = PH_BIT(PH_EACH),
                         .each = PH_BIT(PH_ID) | PH_BIT(PH_TO_OBJECT),
                         .records = true,
                         .link = true},
    [OPERATION_PIPELINES] = {.records = true, .stages = true},
    [OPERATION_LINK_TYPES] = {.allowed = PH_BIT(PH_TO_OBJECT), .records = true},
    [OPERATION_ARCHIVE] = {.allowed = PH_BIT(PH_EACH),
                           .required = PH_BIT(PH_EACH),
                           .each = PH_BIT(PH_ID)},
    [OPERATION_DELETE] = {.allowed = PH_BIT(PH_EACH),
                          .required = PH_BIT(PH_EACH),
                          .each = PH_BIT(PH_ID)},
    [OPERATION_ENDED] = {.allowed = FIELDS | PH_BIT(PH_EACH),
                         .required = PH_BIT(PH_EACH),
                         .each = PH_BIT(PH_ID),
                         .records = true},
    [OPERATION_DELETED] = {.allowed = FIELDS | PH_BIT(PH_PAGE) | PH_BIT(PH_CURSOR) |
                                      PH_BIT(PH_FROM) | PH_BIT(PH_TO),
                           .records = true},
    [OPERATION_CREATE_IF_ABSENT] = {.allowed = PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                                    .required = PH_BIT(PH_EACH),
                                    .each = ITEM | PH_BIT(PH_ID_PROPERTY),
                                    .results = true},
};
