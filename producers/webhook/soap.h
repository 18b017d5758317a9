/*
 * soap — a Salesforce outbound message (developer.salesforce.com, "Outbound Messaging": notifications of one organization, up to 100
 * of them) as the JSON list that payload.c reads:
 *
 *   [{"type":"Contact","organization":"00D…","notification":"04l…","sObject":{"Id":"003…","LastName":"…"}}]
 *
 * A document type, and with it every entity, is refused unread; depth, texts and members are bounded.
 */
#ifndef TANDEM_WEBHOOK_SOAP_H
#define TANDEM_WEBHOOK_SOAP_H

#include "base/buf.h"
#include "base/err.h"

#define SOAP_TYPE "text/xml; charset=utf-8"
extern const char SOAP_ACK[]; /* the answer that makes Salesforce forget the message */

/* As JSON into out. -1 with ERR_REJECT: no outbound message. */
int soap_to_json(struct span body, struct buf *out, struct err *err);

/* 0: a message of this organization (its id with 15 or 18 characters, either way). Thread-safe. */
int soap_check(struct span body, const char *organization);

#endif
