/*
 * soap — see soap.h. libexpat pushes elements; what is kept is where in the message we are.
 */
#include "producers/webhook/soap.h"

#include <expat.h>
#include <openssl/crypto.h>
#include <string.h>

enum {
    DEPTH_MAX = 16,
    NOTIFICATIONS_MAX = 1000,
    JSON_MAX_BYTES = 8 * 1024 * 1024,
    ID_CASE_BYTES = 15, /* of an id, without the characters that repeat its case */
    /* Envelope, Body, notifications, Notification, sObject, member */
    DEPTH_PART = 4,
    DEPTH_NOTIFICATION = 4,
    DEPTH_OBJECT = 5,
    DEPTH_MEMBER = 6
};

const char SOAP_ACK[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
    "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>"
    "<notificationsResponse xmlns=\"http://soap.sforce.com/2005/09/outbound\"><Ack>true</Ack>"
    "</notificationsResponse></soapenv:Body></soapenv:Envelope>";

struct reader {
    XML_Parser parser;
    struct buf *out, text; /* text: of the element that is open */
    struct buf organization;
    int depth, count, members;
    bool in_notification, in_object, is_null;
    const char *refusal;
};

static void refuse(struct reader *reader, const char *why)
{
    if (!reader->refusal)
        reader->refusal = why;
    (void)XML_StopParser(reader->parser, XML_FALSE);
}

/* "http://…#LastName" → "LastName": names come with their namespace. */
static const char *local(const char *name)
{
    const char *bar = strrchr(name, '|');
    return bar ? bar + 1 : name;
}

static void put_type(struct reader *reader, const char **attributes)
{
    const char *type = "";
    for (; attributes[0]; attributes += 2)
        if (strcmp(local(attributes[0]), "type") == 0)
            type = attributes[1];
    const char *colon = strchr(type, ':'); /* "sf:Contact" */
    buf_puts(reader->out, ",\"type\":");
    buf_put_json_string(reader->out, span_of(colon ? colon + 1 : type));
    buf_puts(reader->out, ",\"sObject\":{");
}

static void begin_notification(struct reader *reader)
{
    if (++reader->count > NOTIFICATIONS_MAX) {
        refuse(reader, "too many notifications");
        return;
    }
    buf_puts(reader->out, reader->count > 1 ? ",{\"organization\":" : "{\"organization\":");
    buf_put_json_string(reader->out, buf_span(&reader->organization));
    reader->in_notification = true;
}

static void XMLCALL begin_element(void *self, const char *name, const char **attributes)
{
    struct reader *reader = self;
    static const char *const WAY[] = {"Envelope", "Body", "notifications"};
    const char *own = local(name);
    if (++reader->depth > DEPTH_MAX) {
        refuse(reader, "elements too deep");
        return;
    }
    if (reader->depth <= 3 && strcmp(own, WAY[reader->depth - 1]) != 0) {
        refuse(reader, "no outbound message");
        return;
    }
    buf_reset(&reader->text);
    reader->is_null = false;
    if (reader->depth == DEPTH_NOTIFICATION && strcmp(own, "Notification") == 0) {
        begin_notification(reader);
    } else if (reader->depth == DEPTH_OBJECT && reader->in_notification &&
               strcmp(own, "sObject") == 0) {
        put_type(reader, attributes);
        reader->in_object = true;
        reader->members = 0;
    } else if (reader->depth == DEPTH_MEMBER && reader->in_object) {
        for (; attributes[0]; attributes += 2)
            if (strcmp(local(attributes[0]), "nil") == 0)
                reader->is_null = strcmp(attributes[1], "true") == 0;
    }
}

static void put_member(struct reader *reader, const char *name)
{
    if (reader->members++)
        buf_putc(reader->out, ',');
    buf_put_json_string(reader->out, span_of(name));
    buf_putc(reader->out, ':');
    if (reader->is_null)
        buf_puts(reader->out, "null");
    else
        buf_put_json_string(reader->out,
                            reader->text.data ? buf_span(&reader->text) : (struct span){"", 0});
}

static void keep(struct buf *to, const struct buf *text)
{
    buf_reset(to);
    if (text->data)
        buf_put_span(to, buf_span(text));
}

static void XMLCALL end_element(void *self, const char *name)
{
    struct reader *reader = self;
    const char *own = local(name);
    if (reader->depth == DEPTH_MEMBER && reader->in_object) {
        put_member(reader, own);
    } else if (reader->depth == DEPTH_OBJECT && reader->in_object) {
        buf_putc(reader->out, '}');
        reader->in_object = false;
    } else if (reader->depth == DEPTH_OBJECT && reader->in_notification && strcmp(own, "Id") == 0) {
        buf_puts(reader->out, ",\"notification\":");
        buf_put_json_string(reader->out, buf_span(&reader->text));
    } else if (reader->depth == DEPTH_NOTIFICATION && reader->in_notification) {
        buf_putc(reader->out, '}');
        reader->in_notification = false;
    } else if (reader->depth == DEPTH_PART && strcmp(own, "OrganizationId") == 0) {
        if (reader->organization.len)
            refuse(reader, "two organizations");
        keep(&reader->organization, &reader->text);
    }
    reader->depth--;
    buf_reset(&reader->text);
}

static void XMLCALL take_text(void *self, const char *text, int len)
{
    struct reader *reader = self;
    buf_put(&reader->text, text, (size_t)len);
    if (reader->text.failed || reader->out->failed)
        refuse(reader, "too much text");
}

static void XMLCALL begin_doctype(void *self, const char *name, const char *system,
                                  const char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    refuse(self, "a document type");
}

static int parse(struct reader *reader, struct span body, struct err *err)
{
    reader->parser = XML_ParserCreateNS("UTF-8", '|');
    if (!reader->parser)
        return err_set(err, ERR_RETRY, "out of memory");
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, begin_element, end_element);
    XML_SetCharacterDataHandler(reader->parser, take_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, begin_doctype);
    buf_puts(reader->out, "[");
    enum XML_Status status =
        XML_Parse(reader->parser, body.data ? body.data : "", (int)body.len, XML_TRUE);
    buf_puts(reader->out, "]");
    if (!reader->refusal && status != XML_STATUS_OK)
        reader->refusal = XML_ErrorString(XML_GetErrorCode(reader->parser));
    if (!reader->refusal && (reader->count == 0 || reader->organization.len == 0))
        reader->refusal = "no notification of an organization";
    if (!reader->refusal && reader->out->failed)
        reader->refusal = "too much text";
    XML_ParserFree(reader->parser);
    return reader->refusal ? err_set(err, ERR_REJECT, "soap: %s", reader->refusal) : 0;
}

static int read_message(struct span body, struct buf *out, struct buf *ret_organization,
                        struct err *err)
{
    struct reader reader = {.out = out};
    buf_init(&reader.text, JSON_MAX_BYTES);
    buf_init(&reader.organization, JSON_MAX_BYTES);
    int result = parse(&reader, body, err);
    buf_clear(&reader.text);
    if (ret_organization)
        *ret_organization = reader.organization;
    else
        buf_clear(&reader.organization);
    return result;
}

int soap_to_json(struct span body, struct buf *out, struct err *err)
{
    buf_reset(out);
    return read_message(body, out, NULL, err);
}

int soap_check(struct span body, const char *organization)
{
    struct buf json, found;
    buf_init(&json, JSON_MAX_BYTES);
    int result = read_message(body, &json, &found, NULL);
    if (result == 0 &&
        (found.len < ID_CASE_BYTES || CRYPTO_memcmp(found.data, organization, ID_CASE_BYTES) != 0))
        result = -1;
    buf_clear(&found);
    buf_clear(&json);
    return result;
}
