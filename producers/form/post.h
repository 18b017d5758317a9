/*
 * post — what a form has posted: names and values out of urlencoded, multipart or JSON bytes. By hand, not by libmicrohttpd's post processor:
 * a post is kept as its raw bytes, in the spool too, and read where there is no connection any more. tests/fuzz/fuzz_post.c
 */
#ifndef TANDEM_FORM_POST_H
#define TANDEM_FORM_POST_H

#include "base/json.h"

enum { POST_INPUTS_MAX = 500 };

struct post_input {
    struct span name, value;
    enum json_type type; /* of the value: JSON_STRING_ unless a JSON post says otherwise */
};

struct post {
    struct post_input *inputs;
    int count;
    bool json;
};

/*
 * type: the Content-Type; others than the three are refused. Inputs that are left empty and files are left out; the values of an input that is there
 * several times (boxes that were ticked) are joined by ';'. A JSON post is flattened: "a.b", and HubSpot's "fields":[{"name","value"}] by their
 * names. Borrowed from body and arena (and tape). -1 with ERR_REJECT: it is no such post.
 */
int post_parse(struct span type, struct span body, struct arena *arena, struct json_tape *tape,
               struct post *ret_post, struct err *err);

/* NULL: it is not there. */
const struct post_input *post_find(const struct post *post, const char *name);

#endif
