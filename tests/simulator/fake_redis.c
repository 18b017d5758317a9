/*
 * fake_redis — store.h over dictionaries in the world: the scripts of consumers/apply/scripts.c said in C, for one partition. Their
 * real text is tested against a real Redis by tests/component/test_apply_store*.c.
 */
#include <string.h>

#include "consumers/apply/store.h"
#include "simulator.h"

enum { LINES_MAX = 2 * ROW_CLAIMS_MAX };

struct dict_item {
    struct span key, value;
};
struct dict {
    struct dict_item *items;
    int count, cap;
};

struct data {
    int run_id, incarnation_run, incarnation, made; /* incarnation 0: none */
    int64_t epoch, mark, mark_epoch;
    int listed, lease_of;
    int64_t lease_until_ms;
    struct dict rows, index, claims, waits, due, ops, match; /* waits: key → claim, many */
};
static struct data redis, saved;

struct store {
    int incarnation, process, run_id; /* run_id: of the server that it is connected to */
};
static struct store stores[SIM_PROCESSES];

/* ---- dictionaries ---- */

static struct span *dict_find(const struct dict *dict, struct span key)
{
    for (int i = 0; dict->items && i < dict->count; i++)
        if (span_equal(dict->items[i].key, key))
            return &dict->items[i].value;
    return NULL;
}

static struct span dict_get(const struct dict *dict, struct span key)
{
    struct span *value = dict_find(dict, key);
    return value ? *value : SPAN_NONE;
}

static void dict_add(struct dict *dict, struct span key, struct span value)
{
    if (dict->count == dict->cap) {
        int cap = dict->cap ? 2 * dict->cap : 16;
        struct dict_item *items = arena_new(&world.arena, struct dict_item, cap);
        if (dict->count)
            memcpy(items, dict->items, sizeof *items * (size_t)dict->count);
        dict->items = items;
        dict->cap = cap;
    }
    dict->items[dict->count++] =
        (struct dict_item){arena_copy(&world.arena, key), arena_copy(&world.arena, value)};
}

static void dict_set(struct dict *dict, struct span key, struct span value)
{
    struct span *known = dict_find(dict, key);
    if (known)
        *known = arena_copy(&world.arena, value);
    else
        dict_add(dict, key, value);
}

static void dict_remove_at(struct dict *dict, int at)
{
    dict->items[at] = dict->items[--dict->count];
}

static void dict_remove(struct dict *dict, struct span key)
{
    for (int i = 0; i < dict->count; i++)
        if (span_equal(dict->items[i].key, key))
            dict_remove_at(dict, i--);
}

static struct dict dict_copy(const struct dict *dict)
{
    struct dict copy = {NULL, 0, 0};
    for (int i = 0; i < dict->count; i++)
        dict_add(&copy, dict->items[i].key, dict->items[i].value);
    return copy;
}

static struct span number(int64_t value)
{
    return span_of(arena_printf(&world.arena, "%lld", (long long)value));
}

static int64_t number_of(struct span text)
{
    int64_t value = 0;
    for (size_t i = 0; i < text.len; i++)
        value = value * 10 + (text.data[i] - '0');
    return value;
}

/* ---- the life of the server ---- */

void redis_init(void)
{
    memset(&redis, 0, sizeof redis);
    memset(stores, 0, sizeof stores);
    redis.run_id = 1;
    saved = redis;
}

static struct data data_copy(const struct data *data)
{
    struct data copy = *data;
    struct dict *of_copy[] = {&copy.rows, &copy.index, &copy.claims, &copy.waits,
                              &copy.due,  &copy.ops,   &copy.match};
    for (size_t i = 0; i < sizeof of_copy / sizeof of_copy[0]; i++)
        *of_copy[i] = dict_copy(of_copy[i]);
    return copy;
}

void redis_save(void)
{
    saved = data_copy(&redis);
}

void redis_rollback(void)
{
    int run_id = redis.run_id + 1, made = redis.made;
    redis = data_copy(&saved);
    redis.run_id = run_id;
    redis.made = made;
}

void redis_flush(void)
{
    int run_id = redis.run_id, made = redis.made;
    memset(&redis, 0, sizeof redis);
    redis.run_id = run_id;
    redis.made = made;
}

bool redis_due_empty(void)
{
    return redis.due.count == 0;
}

bool redis_rest(void)
{
    return redis.due.count == 0 && redis.ops.count == 0 && redis.incarnation != 0;
}

bool redis_row(int record, struct row *ret_row)
{
    static struct json_tape tape;
    struct err err = ERR_INIT;
    struct span key = span_of(arena_printf(&world.arena, "old:%s", world.source[record].id));
    struct span text = dict_get(&redis.rows, key);
    if (!text.data)
        return false;
    tape.keep = &world.arena;
    if (row_decode(&sim_entity, text, &tape, &world.arena, ret_row, &err) != 0)
        sim_violation(VIOLATION_STUCK, false, "a row cannot be read: %s", err.text);
    return true;
}

/* The rows that a fold takes; ret_last: what compaction leaves, the last of each, whosever it is. */
static struct dict fold_state(struct dict *ret_last)
{
    struct dict fold = {NULL, 0, 0};
    int64_t highest = -1;
    for (int i = 0; i < world.state.count; i++) {
        const struct sim_message *message = &world.state.messages[i];
        if (message->key.data[0] == '!') {
            highest = i;
            continue;
        }
        bool known = dict_find(&fold, message->key) != NULL;
        if (message->value.data &&
            state_fold(number_of(message->epoch), highest, known) == FOLD_ACCEPT)
            dict_set(&fold, message->key, message->value);
        if (message->value.data)
            dict_set(ret_last, message->key, message->value);
    }
    return fold;
}

bool redis_survives_compaction(void)
{
    struct dict last = {NULL, 0, 0}, fold = fold_state(&last);
    for (int i = 0; i < last.count; i++)
        if (!span_equal(last.items[i].value, dict_get(&fold, last.items[i].key)))
            return false;
    return true;
}

bool redis_is_fold(void)
{
    struct dict last = {NULL, 0, 0}, fold = fold_state(&last);
    for (int i = 0; i < fold.count; i++)
        if (!span_equal(fold.items[i].value, dict_get(&redis.rows, fold.items[i].key)))
            return false;
    return fold.count == redis.rows.count;
}

/* ---- the head of the scripts ---- */

static enum store_outcome closed(struct err *err)
{
    (void)err_set(err, ERR_RETRY, "redis is closed");
    return STORE_CLOSED;
}

static bool is_open(const struct store *store)
{
    /* A server that restarted took the connection with it: nothing is asked before store_ensure made a new one. */
    return redis.incarnation != 0 && redis.incarnation == store->incarnation &&
           redis.run_id == store->run_id;
}

static enum store_outcome guard(const struct store *store, const struct store_owner *owner,
                                bool used, struct err *err)
{
    if (!is_open(store))
        return closed(err);
    if (used && owner->epochs[0] != redis.epoch) {
        (void)err_set(err, ERR_RETRY, "fenced");
        return STORE_FENCED;
    }
    return STORE_OK;
}

struct store *store_open(const struct migration *migration, struct err *err)
{
    (void)migration, (void)err;
    struct store *store = &stores[process_current()];
    *store = (struct store){.process = process_current()};
    return store;
}

void store_close(struct store *store)
{
    (void)store;
}

enum store_outcome store_ensure(struct store *store, bool *ret_changed, struct err *err)
{
    bool valid = redis.incarnation != 0 && redis.incarnation_run == redis.run_id;
    *ret_changed = valid && store->incarnation != redis.incarnation;
    store->incarnation = valid ? redis.incarnation : 0;
    store->run_id = redis.run_id;
    if (valid)
        return STORE_OK;
    redis.incarnation = 0;
    return closed(err);
}

enum store_outcome store_now(struct store *store, int64_t *ret_now_ms, struct err *err)
{
    (void)store, (void)err;
    *ret_now_ms = world.now_ms;
    return STORE_OK;
}

enum store_outcome store_take(struct store *store, const struct entity *entity, int32_t partition,
                              int64_t epoch, int64_t *ret_mark, int64_t *ret_mark_epoch,
                              struct err *err)
{
    (void)entity, (void)partition;
    if (!is_open(store))
        return closed(err);
    if (redis.epoch > epoch) {
        (void)err_set(err, ERR_RETRY, "fenced");
        return STORE_FENCED;
    }
    redis.epoch = epoch;
    *ret_mark = redis.mark;
    *ret_mark_epoch = redis.mark_epoch;
    return STORE_OK;
}

enum store_outcome store_load(struct store *store, const struct store_owner *owner,
                              struct store_load *loads, int n, struct arena *arena, struct err *err)
{
    enum store_outcome outcome = guard(store, owner, n > 0, err);
    for (int i = 0; outcome == STORE_OK && i < n; i++) {
        loads[i].row = dict_get(&redis.rows, loads[i].key);
        loads[i].op = dict_get(&redis.ops, loads[i].key);
        loads[i].candidates = arena_new(arena, struct span, loads[i].match_count + 1);
        for (int m = 0; m < loads[i].match_count; m++)
            loads[i].candidates[m] = dict_get(&redis.match, loads[i].match[m]);
    }
    return outcome;
}

/* The entity that is simulated refers to nothing. */
enum store_outcome store_twins(struct store *store, const char *entity, struct store_twin *twins,
                               int n, struct arena *arena, struct err *err)
{
    (void)store;
    (void)entity;
    (void)twins;
    (void)n;
    (void)arena;
    (void)err_set(err, ERR_FATAL, "no references here");
    return STORE_AWAY;
}

/* ---- claims, waits, lines of an index text ---- */

static void release(struct span claim, struct span key)
{
    if (!span_equal(dict_get(&redis.claims, claim), key))
        return;
    dict_remove(&redis.claims, claim);
    for (int i = 0; i < redis.waits.count; i++)
        if (span_equal(redis.waits.items[i].value, claim))
            dict_set(&redis.due, redis.waits.items[i].key, number(world.now_ms));
}

static void unwait(struct span key, struct span claim)
{
    for (int i = 0; i < redis.waits.count; i++)
        if (span_equal(redis.waits.items[i].key, key) &&
            span_equal(redis.waits.items[i].value, claim))
            dict_remove_at(&redis.waits, i--);
}

static void take_line(struct span key, struct span line)
{
    struct span rest = {line.data + 1, line.len - 1};
    if (line.data[0] == 'c')
        release(rest, key);
    else if (line.data[0] == 'w')
        unwait(key, rest);
    else if (line.data[0] == 'd')
        dict_remove(&redis.due, key);
}

static void add_line(struct span key, struct span line)
{
    struct span rest = {line.data + 1, line.len - 1};
    if (line.data[0] == 'c') {
        if (!dict_find(&redis.claims, rest))
            dict_set(&redis.claims, rest, key);
    } else if (line.data[0] == 'w') {
        unwait(key, rest);
        dict_add(&redis.waits, key, rest);
        struct span holder = dict_get(&redis.claims, rest);
        if (!holder.data || span_equal(holder, key)) /* its own: nobody else would give it up */
            dict_set(&redis.due, key, number(world.now_ms));
    } else if (line.data[0] == 'd') {
        dict_set(&redis.due, key, rest);
    }
}

static int lines_of(struct span text, struct span lines[LINES_MAX])
{
    int count = 0;
    while (text.len > 0 && count < LINES_MAX) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end ? (size_t)(end - text.data) : text.len;
        if (len > 0)
            lines[count++] = (struct span){text.data, len};
        size_t step = end ? len + 1 : len;
        text = (struct span){text.data + step, text.len - step};
    }
    return count;
}

static bool has_line(struct span text, char kind, struct span rest)
{
    struct span lines[LINES_MAX];
    int count = lines_of(text, lines);
    for (int i = 0; i < count; i++)
        if (lines[i].data[0] == kind &&
            (!rest.data || span_equal((struct span){lines[i].data + 1, lines[i].len - 1}, rest)))
            return true;
    return false;
}

/* The operation is over: what it claimed and neither the index text nor claims[] names is given up. */
static void drop_op(struct span key, struct span index, const struct span *claims, int claim_count)
{
    struct span lines[LINES_MAX];
    int count = lines_of(dict_get(&redis.ops, key), lines);
    for (int i = 1; i < count; i++) {
        bool wanted = has_line(index, 'c', lines[i]);
        for (int c = 0; c < claim_count; c++)
            wanted = wanted || span_equal(claims[c], lines[i]);
        if (!wanted)
            release(lines[i], key);
    }
    dict_remove(&redis.ops, key);
}

enum store_outcome store_begin(struct store *store, const struct store_owner *owner,
                               struct store_begin *begins, int n, struct arena *arena,
                               struct err *err)
{
    enum store_outcome outcome = guard(store, owner, n > 0, err);
    for (int i = 0; outcome == STORE_OK && i < n; i++) {
        struct store_begin *begin = &begins[i];
        begin->holder = begin->taken = SPAN_NONE;
        for (int c = 0; c < begin->claim_count && !begin->holder.data; c++) {
            struct span holder = dict_get(&redis.claims, begin->claims[c]);
            if (holder.data && !span_equal(holder, begin->key)) {
                begin->holder = holder;
                begin->taken = begin->claims[c];
            }
        }
        if (begin->holder.data)
            continue;
        if (dict_find(&redis.ops, begin->key))
            drop_op(begin->key, dict_get(&redis.index, begin->key), begin->claims,
                    begin->claim_count);
        struct buf op;
        buf_init(&op, 0);
        buf_printf(&op, "%.*s %lld", (int)begin->op.len, begin->op.data, (long long)begin->sent_ms);
        for (int c = 0; c < begin->claim_count; c++) {
            dict_set(&redis.claims, begin->claims[c], begin->key);
            buf_printf(&op, "\n%.*s", (int)begin->claims[c].len, begin->claims[c].data);
        }
        begin->text = arena_copy(arena, buf_span(&op));
        dict_set(&redis.ops, begin->key, begin->text);
        buf_clear(&op);
    }
    return outcome;
}

/* ---- finishing ---- */

static void match_add(struct span name, struct span id)
{
    struct span known = dict_get(&redis.match, name);
    for (size_t at = 0; known.data && at < known.len;) {
        size_t len = 0;
        while (at + len < known.len && known.data[at + len] != ',')
            len++;
        if (span_equal((struct span){known.data + at, len}, id))
            return;
        at += len + 1;
    }
    dict_set(&redis.match, name,
             known.data ? span_of(arena_printf(&world.arena, "%.*s,%.*s", (int)known.len,
                                               known.data, (int)id.len, id.data))
                        : id);
}

/* "<partition>.<epoch>" at the beginning of both, the operation's epoch the lower one. */
static bool is_earlier(struct span op, struct span epoch)
{
    char *at, *end;
    long partition = strtol(op.data, &at, 10), own = strtol(epoch.data, &end, 10);
    return partition == own && *at == '.' && *end == '.' &&
           strtoll(at + 1, NULL, 10) < strtoll(end + 1, NULL, 10);
}

static bool ends_op(const struct store_finish *row, struct span op)
{
    if (row->keep_op || !op.data)
        return false;
    const struct span *starts[2] = {&row->drop_op, &row->drop_epoch};
    for (int i = 0; i < 2; i++)
        if (starts[i]->len && op.len > starts[i]->len &&
            op.data[starts[i]->len] == (i == 0 ? ' ' : '.') &&
            memcmp(op.data, starts[i]->data, starts[i]->len) == 0)
            return true;
    return !row->drop_op.data || (row->drop_earlier && is_earlier(op, row->drop_epoch));
}

static void finish_row(const struct store_finish *row)
{
    struct span old = dict_get(&redis.index, row->key), lines[LINES_MAX];
    bool same = old.data && span_equal(old, row->index);
    int count = lines_of(old, lines);
    dict_set(&redis.rows, row->key, row->row);
    for (int i = 0; i < count && !same; i++)
        if (!has_line(row->index, lines[i].data[0],
                      (struct span){lines[i].data + 1, lines[i].len - 1}))
            take_line(row->key, lines[i]);
    if (!has_line(row->index, 'd', SPAN_NONE) &&
        (has_line(old, 'd', SPAN_NONE) || has_line(old, 'w', SPAN_NONE)))
        dict_remove(&redis.due, row->key);
    count = lines_of(row->index, lines);
    for (int i = 0; i < count && !same; i++)
        if (lines[i].data[0] != 'w' &&
            !has_line(old, lines[i].data[0], (struct span){lines[i].data + 1, lines[i].len - 1}))
            add_line(row->key, lines[i]);
    dict_set(&redis.index, row->key, row->index);
    struct span op = dict_get(&redis.ops, row->key);
    if (row->begun.data && op.data && span_equal(op, row->begun))
        dict_remove(&redis.ops, row->key);
    else if (ends_op(row, op))
        drop_op(row->key, row->index, NULL, 0);
    for (int i = 0; i < count; i++) /* its claim may be free by now */
        if (lines[i].data[0] == 'w')
            add_line(row->key, lines[i]);
}

enum store_outcome store_finish(struct store *store, const struct store_owner *owner,
                                const struct store_finish *rows, int n, const int64_t *marks,
                                struct err *err)
{
    for (int i = 0; i < n; i++) /* told before the guard is asked */
        for (int m = 0; rows[i].match_id.len && m < rows[i].match_count; m++)
            match_add(rows[i].match_names[m], rows[i].match_id);
    enum store_outcome outcome = guard(store, owner, n > 0 || marks[0] > 0, err);
    if (outcome != STORE_OK)
        return outcome;
    if (marks[0] > 0) {
        redis.mark = marks[0];
        redis.mark_epoch = owner->epochs[0];
    }
    for (int i = 0; i < n; i++)
        finish_row(&rows[i]);
    return STORE_OK;
}

enum store_outcome store_cancel(struct store *store, const struct store_owner *owner,
                                const struct store_cancel *cancels, int n, struct err *err)
{
    enum store_outcome outcome = guard(store, owner, n > 0, err);
    for (int i = 0; outcome == STORE_OK && i < n; i++)
        drop_op(cancels[i].key, dict_get(&redis.index, cancels[i].key), NULL, 0);
    return outcome;
}

enum store_outcome store_due(struct store *store, const struct store_owner *owner,
                             int32_t partition, int max, struct span **ret_keys, int *ret_count,
                             struct arena *arena, struct err *err)
{
    (void)partition;
    enum store_outcome outcome = guard(store, owner, true, err);
    if (outcome != STORE_OK)
        return outcome;
    *ret_keys = arena_new(arena, struct span, redis.due.count + 1);
    *ret_count = 0;
    for (int i = 0; i < redis.due.count && *ret_count < max; i++) {
        struct dict_item *item = &redis.due.items[i];
        if (number_of(item->value) > world.now_ms)
            continue;
        if (dict_find(&redis.rows, item->key))
            (*ret_keys)[(*ret_count)++] = item->key;
        else
            dict_remove_at(&redis.due, i--);
    }
    return STORE_OK;
}

enum store_outcome store_match_add(struct store *store, const struct entity *entity,
                                   const struct store_match *adds, int n, struct err *err)
{
    (void)store, (void)entity, (void)err;
    for (int i = 0; i < n; i++)
        match_add(adds[i].name, adds[i].id);
    return STORE_OK;
}

enum store_outcome store_listed(struct store *store, const struct entity *entity, bool set,
                                bool *ret_listed, struct err *err)
{
    (void)entity, (void)err;
    if (set)
        redis.listed = store->incarnation;
    *ret_listed = set || (redis.listed != 0 && redis.listed == store->incarnation);
    return STORE_OK;
}

/* ---- rebuilding ---- */

static bool leased(const struct store *store)
{
    return redis.lease_of == store->process + 1 && world.now_ms < redis.lease_until_ms;
}

enum store_outcome store_rebuild_lease(struct store *store, int64_t lease_ms, bool *ret_mine,
                                       struct err *err)
{
    (void)err;
    *ret_mine = redis.lease_of == 0 || world.now_ms >= redis.lease_until_ms || leased(store);
    if (*ret_mine) {
        redis.lease_of = store->process + 1;
        redis.lease_until_ms = world.now_ms + lease_ms;
    }
    return STORE_OK;
}

enum store_outcome store_rebuild_clear(struct store *store, struct err *err)
{
    if (!leased(store))
        return closed(err);
    struct data empty = {.run_id = redis.run_id,
                         .made = redis.made,
                         .lease_of = redis.lease_of,
                         .lease_until_ms = redis.lease_until_ms};
    redis = empty;
    return STORE_OK;
}

enum store_outcome store_rebuild_rows(struct store *store, const struct entity *entity,
                                      const struct store_finish *rows, int n, struct err *err)
{
    (void)entity;
    if (!leased(store))
        return closed(err);
    for (int i = 0; i < n; i++) {
        dict_set(&redis.rows, rows[i].key, rows[i].row);
        dict_set(&redis.index, rows[i].key, rows[i].index);
    }
    return STORE_OK;
}

enum store_outcome store_rebuild_partition(struct store *store, const struct entity *entity,
                                           int32_t partition, int64_t epoch, int64_t mark,
                                           struct err *err)
{
    (void)entity, (void)partition;
    if (!leased(store))
        return closed(err);
    redis.epoch = redis.mark_epoch = epoch;
    redis.mark = mark;
    return STORE_OK;
}

enum store_outcome store_row(struct store *store, const struct entity *entity, struct span key,
                             struct arena *arena, struct span *ret_row, struct err *err)
{
    (void)store, (void)entity, (void)arena, (void)err;
    *ret_row = dict_get(&redis.rows, key);
    return STORE_OK;
}

enum store_outcome store_rebuild_derive(struct store *store, const struct entity *entity,
                                        struct err *err)
{
    (void)store, (void)entity, (void)err;
    for (int i = 0; i < redis.index.count; i++) {
        struct span lines[LINES_MAX];
        int count = lines_of(redis.index.items[i].value, lines);
        for (int k = 0; k < count; k++)
            add_line(redis.index.items[i].key, lines[k]);
    }
    return STORE_OK;
}

enum store_outcome store_rebuild_open(struct store *store, struct err *err)
{
    if (!leased(store))
        return closed(err);
    redis.incarnation = ++redis.made;
    redis.incarnation_run = redis.run_id;
    redis.lease_of = 0;
    return STORE_OK;
}
