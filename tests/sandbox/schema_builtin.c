/*
 * schema_builtin — the objects and fields that both CRMs have from the start,
 * by the names that their standard objects use.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sandbox/schema.h"

struct row {
    const char *name, *label;
    enum field_type type;
    enum field_place place;
    bool unique, custom, read_only;
    const char *options;
};

static const char LEAD_SOURCES[] = "Web;Phone Inquiry;Partner Referral;Purchased List;Other";
static const char STAGES[] =
    "Prospecting;Qualification;Needs Analysis;Value Proposition;Id. Decision "
    "Makers;Perception Analysis;Proposal/Price Quote;Negotiation/Review;"
    "Closed Won;Closed Lost";
static const char CURRENCIES[] = "EUR;USD;GBP;CHF;JPY";

static const struct row SALESFORCE_DATES[] = {
    {"Id", "Record ID", FT_ID, AT_ID, .read_only = true},
    {"CreatedDate", "Created Date", FT_DATETIME, AT_CREATED, .read_only = true},
    {"LastModifiedDate", "Last Modified Date", FT_DATETIME, AT_MODIFIED, .read_only = true},
    {"LastModifiedById", "Last Modified By ID", FT_REFERENCE, AT_MODIFIED_BY, .read_only = true},
    {"SystemModstamp", "System Modstamp", FT_DATETIME, AT_MODSTAMP, .read_only = true},
    {0}};

static const struct row SALESFORCE_DELETABLE[] = {
    {"IsDeleted", "Deleted", FT_BOOLEAN, AT_DELETED, .read_only = true}, {0}};

static const struct row SALESFORCE_OWNED[] = {
    {"OwnerId", "Owner ID", FT_REFERENCE, AT_JSON, .options = "User"},
    {"Description", "Description", FT_TEXTAREA, AT_JSON, .read_only = false},
    {0}};

static const struct row SALESFORCE_PHONE[] = {
    {"Phone", "Phone", FT_PHONE, AT_JSON, .read_only = false}, {0}};

static const struct row SALESFORCE_NAMED[] = {
    {"FirstName", "First Name", FT_STRING, AT_JSON, .read_only = false},
    {"LastName", "Last Name", FT_STRING, AT_JSON, .read_only = false},
    {"Email", "Email", FT_EMAIL, AT_EMAIL, .read_only = false},
    {0}};

static const struct row SALESFORCE_PERSON[] = {
    {"Title", "Title", FT_STRING, AT_JSON, .read_only = false},
    {"LeadSource", "Lead Source", FT_PICKLIST, AT_JSON, .options = LEAD_SOURCES},
    {"HasOptedOutOfEmail", "Email Opt Out", FT_BOOLEAN, AT_JSON, .read_only = false},
    {0}};

static const struct row SALESFORCE_CONTACT[] = {
    {"AccountId", "Account ID", FT_REFERENCE, AT_JSON, .options = "Account"},
    {"MasterRecordId", "Master Record ID", FT_REFERENCE, AT_JSON, .read_only = true,
     .options = "Contact"},
    {"MobilePhone", "Mobile Phone", FT_PHONE, AT_JSON, .read_only = false},
    {"Birthdate", "Birthdate", FT_DATE, AT_JSON, .read_only = false},
    {"MailingStreet", "Mailing Street", FT_TEXTAREA, AT_JSON, .read_only = false},
    {"MailingCity", "Mailing City", FT_STRING, AT_JSON, .read_only = false},
    {"MailingPostalCode", "Mailing Zip", FT_STRING, AT_JSON, .read_only = false},
    {"MailingCountry", "Mailing Country", FT_STRING, AT_JSON, .read_only = false},
    {"NumberOfEmployees__c", "Employees", FT_INT, AT_JSON, .custom = true},
    {"Balance__c", "Balance", FT_CURRENCY, AT_JSON, .custom = true},
    {"Signup__c", "Signup", FT_DATETIME, AT_JSON, .custom = true},
    {"Interests__c", "Interests", FT_MULTIPICKLIST, AT_JSON, .custom = true,
     .options = "Golf;Opera;Sailing;Chess"},
    {"Region__c", "Region", FT_PICKLIST, AT_JSON, .custom = true, .options = "EMEA;AMER;APAC"},
    {0}};

static const struct row SALESFORCE_ACCOUNT[] = {
    {"Name", "Account Name", FT_STRING, AT_JSON, .read_only = false},
    {"MasterRecordId", "Master Record ID", FT_REFERENCE, AT_JSON, .read_only = true,
     .options = "Account"},
    {"ParentId", "Parent Account ID", FT_REFERENCE, AT_JSON, .options = "Account"},
    {"Website", "Website", FT_STRING, AT_JSON, .read_only = false},
    {"Industry", "Industry", FT_STRING, AT_JSON, .read_only = false},
    {"NumberOfEmployees", "Employees", FT_INT, AT_JSON, .read_only = false},
    {"AnnualRevenue", "Annual Revenue", FT_CURRENCY, AT_JSON, .read_only = false},
    {"BillingCity", "Billing City", FT_STRING, AT_JSON, .read_only = false},
    {"BillingCountry", "Billing Country", FT_STRING, AT_JSON, .read_only = false},
    {"CurrencyIsoCode", "Currency", FT_PICKLIST, AT_JSON, .options = CURRENCIES},
    {0}};

static const struct row SALESFORCE_OPPORTUNITY[] = {
    {"Name", "Name", FT_STRING, AT_JSON, .read_only = false},
    {"AccountId", "Account ID", FT_REFERENCE, AT_JSON, .options = "Account"},
    {"ContactId", "Contact ID", FT_REFERENCE, AT_JSON, .options = "Contact"},
    {"StageName", "Stage", FT_PICKLIST, AT_JSON, .options = STAGES},
    {"Amount", "Amount", FT_CURRENCY, AT_JSON, .read_only = false},
    {"CurrencyIsoCode", "Currency", FT_PICKLIST, AT_JSON, .options = CURRENCIES},
    {"CloseDate", "Close Date", FT_DATE, AT_JSON, .read_only = false},
    {"Probability", "Probability (%)", FT_DOUBLE, AT_JSON, .read_only = false},
    {0}};

static const struct row SALESFORCE_ROLE[] = {
    {"OpportunityId", "Opportunity ID", FT_REFERENCE, AT_JSON, .options = "Opportunity"},
    {"ContactId", "Contact ID", FT_REFERENCE, AT_JSON, .options = "Contact"},
    {"Role", "Role", FT_STRING, AT_JSON, .read_only = false},
    {"IsPrimary", "Primary", FT_BOOLEAN, AT_JSON, .read_only = false},
    {0}};

static const struct row SALESFORCE_USER[] = {
    {"Username", "Username", FT_STRING, AT_JSON, .read_only = false},
    {"IsActive", "Active", FT_BOOLEAN, AT_JSON, .read_only = false},
    {0}};

static const struct row SALESFORCE_LEAD[] = {
    {"MasterRecordId", "Master Record ID", FT_REFERENCE, AT_JSON, .read_only = true,
     .options = "Lead"},
    {"Company", "Company", FT_STRING, AT_JSON, .read_only = false},
    {"Status", "Lead Status", FT_PICKLIST, AT_JSON, .read_only = false},
    {0}};

static const struct row HUBSPOT_ALL[] = {
    {"hs_object_id", "Record ID", FT_ID, AT_ID, .read_only = true},
    {"createdate", "Create Date", FT_DATETIME, AT_CREATED, .read_only = true},
    {"hubspot_owner_id", "Owner", FT_REFERENCE, AT_JSON, .read_only = false},
    {"hs_merged_object_ids", "Merged IDs", FT_STRING, AT_JSON, .read_only = true},
    {0}};

static const struct row HUBSPOT_ADDRESS[] = {
    {"phone", "Phone Number", FT_PHONE, AT_JSON, .read_only = false},
    {"city", "City", FT_STRING, AT_JSON, .read_only = false},
    {"country", "Country/Region", FT_STRING, AT_JSON, .read_only = false},
    {"zip", "Postal Code", FT_STRING, AT_JSON, .read_only = false},
    {"address", "Street Address", FT_STRING, AT_JSON, .read_only = false},
    {"website", "Website URL", FT_STRING, AT_JSON, .read_only = false},
    {"annualrevenue", "Annual Revenue", FT_DOUBLE, AT_JSON, .read_only = false},
    {0}};

static const struct row HUBSPOT_CONTACT[] = {
    {"lastmodifieddate", "Last Modified Date", FT_DATETIME, AT_MODSTAMP, .read_only = true},
    {"email", "Email", FT_EMAIL, AT_EMAIL, .unique = true},
    {"hs_additional_emails", "Additional emails", FT_STRING, AT_JSON, .read_only = true},
    {"firstname", "First Name", FT_STRING, AT_JSON, .read_only = false},
    {"lastname", "Last Name", FT_STRING, AT_JSON, .read_only = false},
    {"mobilephone", "Mobile Phone Number", FT_PHONE, AT_JSON, .read_only = false},
    {"jobtitle", "Job Title", FT_STRING, AT_JSON, .read_only = false},
    {"company", "Company Name", FT_STRING, AT_JSON, .read_only = false},
    {"message", "Message", FT_TEXTAREA, AT_JSON, .read_only = false},
    {"date_of_birth", "Date of birth", FT_STRING, AT_JSON, .read_only = false},
    {"lifecyclestage", "Lifecycle Stage", FT_PICKLIST, AT_JSON,
     .options = "subscriber;lead;marketingqualifiedlead;salesqualifiedlead;opportunity;customer;"
                "evangelist;other"},
    {"hs_lead_status", "Lead Status", FT_PICKLIST, AT_JSON, .read_only = false},
    {0}};

static const struct row HUBSPOT_COMPANY[] = {
    {"hs_lastmodifieddate", "Last Modified Date", FT_DATETIME, AT_MODSTAMP, .read_only = true},
    {"name", "Company name", FT_STRING, AT_JSON, .read_only = false},
    {"domain", "Company Domain Name", FT_STRING, AT_JSON, .read_only = false},
    {"industry", "Industry", FT_PICKLIST, AT_JSON, .read_only = false},
    {"numberofemployees", "Number of Employees", FT_INT, AT_JSON, .read_only = false},
    {0}};

/* dealstage and pipeline take what the pipelines have (hs_pipelines.c). */
static const struct row HUBSPOT_DEAL[] = {
    {"hs_lastmodifieddate", "Last Modified Date", FT_DATETIME, AT_MODSTAMP, .read_only = true},
    {"dealname", "Deal Name", FT_STRING, AT_JSON, .read_only = false},
    {"dealstage", "Deal Stage", FT_PICKLIST, AT_JSON, .read_only = false},
    {"pipeline", "Pipeline", FT_PICKLIST, AT_JSON, .read_only = false},
    {"amount", "Amount", FT_DOUBLE, AT_JSON, .read_only = false},
    {"closedate", "Close Date", FT_DATETIME, AT_JSON, .read_only = false},
    {"deal_currency_code", "Currency", FT_PICKLIST, AT_JSON, .options = CURRENCIES},
    {"description", "Deal Description", FT_TEXTAREA, AT_JSON, .read_only = false},
    {0}};

static const struct row HUBSPOT_TICKET[] = {
    {"hs_lastmodifieddate", "Last Modified Date", FT_DATETIME, AT_MODSTAMP, .read_only = true},
    {"subject", "Ticket Name", FT_STRING, AT_JSON, .read_only = false},
    {"content", "Ticket Description", FT_TEXTAREA, AT_JSON, .read_only = false},
    {"hs_ticket_priority", "Priority", FT_PICKLIST, AT_JSON, .options = "LOW;MEDIUM;HIGH;URGENT"},
    {0}};

/* Not under /objects: the owners API reads them. */
static const struct row HUBSPOT_OWNER[] = {
    {"email", "Email", FT_EMAIL, AT_EMAIL, .unique = true},
    {"firstName", "First Name", FT_STRING, AT_JSON, .read_only = false},
    {"lastName", "Last Name", FT_STRING, AT_JSON, .read_only = false},
    {"userId", "User ID", FT_INT, AT_JSON, .read_only = false},
    {0}};

/* Which tables make up an object. */
static const struct object {
    const char *name;
    const struct row *parts[5];
} SALESFORCE[] = {
    {"Contact",
     {SALESFORCE_DATES, SALESFORCE_DELETABLE, SALESFORCE_OWNED, SALESFORCE_PHONE,
      SALESFORCE_NAMED}},
    {"Contact", {SALESFORCE_PERSON, SALESFORCE_CONTACT}},
    {"Account",
     {SALESFORCE_DATES, SALESFORCE_DELETABLE, SALESFORCE_OWNED, SALESFORCE_PHONE,
      SALESFORCE_ACCOUNT}},
    {"Lead",
     {SALESFORCE_DATES, SALESFORCE_DELETABLE, SALESFORCE_OWNED, SALESFORCE_PHONE,
      SALESFORCE_NAMED}},
    {"Lead", {SALESFORCE_PERSON, SALESFORCE_LEAD}},
    {"Opportunity",
     {SALESFORCE_DATES, SALESFORCE_DELETABLE, SALESFORCE_OWNED, SALESFORCE_OPPORTUNITY}},
    {"OpportunityContactRole", {SALESFORCE_DATES, SALESFORCE_DELETABLE, SALESFORCE_ROLE}},
    {"User", {SALESFORCE_DATES, SALESFORCE_NAMED, SALESFORCE_USER}},
    {0}};

static const struct object HUBSPOT[] = {
    {"contacts", {HUBSPOT_ALL, HUBSPOT_ADDRESS, HUBSPOT_CONTACT}},
    {"companies", {HUBSPOT_ALL, HUBSPOT_ADDRESS, HUBSPOT_COMPANY}},
    {"deals", {HUBSPOT_ALL, HUBSPOT_DEAL}},
    {"tickets", {HUBSPOT_ALL, HUBSPOT_TICKET}},
    {"owners", {HUBSPOT_OWNER}},
    {0}};

static const struct row ZENDESK_TICKET[] = {
    {"subject", "Subject", FT_STRING, AT_JSON, .read_only = false},
    {"description", "Description", FT_TEXTAREA, AT_JSON, .read_only = false},
    {"priority", "Priority", FT_PICKLIST, AT_JSON, .options = "low;normal;high;urgent"},
    {"status", "Status", FT_PICKLIST, AT_JSON, .options = "new;open;pending;hold;solved;closed"},
    {"requester_id", "Requester", FT_INT, AT_JSON, .read_only = false},
    {0}};

static const struct object ZENDESK[] = {{"tickets", {ZENDESK_TICKET}}, {0}};

static const struct row STRIPE_CUSTOMER[] = {
    {"email", "Email", FT_EMAIL, AT_EMAIL, .read_only = false},
    {"name", "Name", FT_STRING, AT_JSON, .read_only = false},
    {"phone", "Phone", FT_PHONE, AT_JSON, .read_only = false},
    {"balance", "Balance", FT_INT, AT_JSON, .read_only = false},
    {0}};

static const struct object STRIPE[] = {{"customers", {STRIPE_CUSTOMER}}, {0}};

static void add_rows(struct schema *schema, const char *object, const struct row *row)
{
    for (; row->name; row++) {
        struct property property = {.type = row->type,
                                    .place = row->place,
                                    .unique = row->unique,
                                    .custom = row->custom,
                                    .read_only = row->read_only};
        (void)snprintf(property.object, sizeof property.object, "%s", object);
        (void)snprintf(property.name, sizeof property.name, "%s", row->name);
        (void)snprintf(property.label, sizeof property.label, "%s", row->label);
        (void)snprintf(property.options, sizeof property.options, "%s",
                       row->options ? row->options : "");
        schema_add(schema, &property);
    }
}

void schema_init(struct schema *schema, enum crm crm)
{
    memset(schema, 0, sizeof *schema);
    schema->crm = crm;
    static const struct object *const ALL[CRM_COUNT] = {SALESFORCE, HUBSPOT, ZENDESK, STRIPE};
    for (const struct object *object = ALL[crm]; object->name; object++)
        for (int i = 0; i < 5 && object->parts[i]; i++)
            add_rows(schema, object->name, object->parts[i]);
}
