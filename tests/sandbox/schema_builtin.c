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

static const struct row SALESFORCE_ALL[] = {
    {"Id", "Record ID", FT_ID, AT_ID, .read_only = true},
    {"IsDeleted", "Deleted", FT_BOOLEAN, AT_DELETED, .read_only = true},
    {"CreatedDate", "Created Date", FT_DATETIME, AT_CREATED, .read_only = true},
    {"LastModifiedDate", "Last Modified Date", FT_DATETIME, AT_MODIFIED, .read_only = true},
    {"LastModifiedById", "Last Modified By ID", FT_REFERENCE, AT_MODIFIED_BY, .read_only = true},
    {"SystemModstamp", "System Modstamp", FT_DATETIME, AT_MODSTAMP, .read_only = true},
    {"OwnerId", "Owner ID", FT_REFERENCE, AT_JSON, .read_only = false},
    {"Phone", "Phone", FT_PHONE, AT_JSON, .read_only = false},
    {"Description", "Description", FT_TEXTAREA, AT_JSON, .read_only = false},
    {0}};

static const struct row SALESFORCE_PERSON[] = {
    {"FirstName", "First Name", FT_STRING, AT_JSON, .read_only = false},
    {"LastName", "Last Name", FT_STRING, AT_JSON, .read_only = false},
    {"Email", "Email", FT_EMAIL, AT_EMAIL, .read_only = false},
    {"Title", "Title", FT_STRING, AT_JSON, .read_only = false},
    {"LeadSource", "Lead Source", FT_PICKLIST, AT_JSON, .options = LEAD_SOURCES},
    {"HasOptedOutOfEmail", "Email Opt Out", FT_BOOLEAN, AT_JSON, .read_only = false},
    {0}};

static const struct row SALESFORCE_CONTACT[] = {
    {"AccountId", "Account ID", FT_REFERENCE, AT_JSON, .read_only = false},
    {"MobilePhone", "Mobile Phone", FT_PHONE, AT_JSON, .read_only = false},
    {"Birthdate", "Birthdate", FT_DATE, AT_JSON, .read_only = false},
    {"MailingStreet", "Mailing Street", FT_TEXTAREA, AT_JSON, .read_only = false},
    {"MailingCity", "Mailing City", FT_STRING, AT_JSON, .read_only = false},
    {"MailingPostalCode", "Mailing Zip", FT_STRING, AT_JSON, .read_only = false},
    {"MailingCountry", "Mailing Country", FT_STRING, AT_JSON, .read_only = false},
    {"NumberOfEmployees__c", "Employees", FT_INT, AT_JSON, .custom = true},
    {"Balance__c", "Balance", FT_CURRENCY, AT_JSON, .custom = true},
    {"Signup__c", "Signup", FT_DATETIME, AT_JSON, .custom = true},
    {"Region__c", "Region", FT_PICKLIST, AT_JSON, .custom = true, .options = "EMEA;AMER;APAC"},
    {0}};

static const struct row SALESFORCE_ACCOUNT[] = {
    {"Name", "Account Name", FT_STRING, AT_JSON, .read_only = false},
    {"Website", "Website", FT_STRING, AT_JSON, .read_only = false},
    {"Industry", "Industry", FT_STRING, AT_JSON, .read_only = false},
    {"NumberOfEmployees", "Employees", FT_INT, AT_JSON, .read_only = false},
    {0}};

static const struct row SALESFORCE_LEAD[] = {
    {"Company", "Company", FT_STRING, AT_JSON, .read_only = false},
    {"Status", "Lead Status", FT_PICKLIST, AT_JSON, .read_only = false},
    {0}};

static const struct row HUBSPOT_ALL[] = {
    {"hs_object_id", "Record ID", FT_ID, AT_ID, .read_only = true},
    {"createdate", "Create Date", FT_DATETIME, AT_CREATED, .read_only = true},
    {"phone", "Phone Number", FT_PHONE, AT_JSON, .read_only = false},
    {"city", "City", FT_STRING, AT_JSON, .read_only = false},
    {"country", "Country/Region", FT_STRING, AT_JSON, .read_only = false},
    {"zip", "Postal Code", FT_STRING, AT_JSON, .read_only = false},
    {"address", "Street Address", FT_STRING, AT_JSON, .read_only = false},
    {"website", "Website URL", FT_STRING, AT_JSON, .read_only = false},
    {"hubspot_owner_id", "Owner", FT_REFERENCE, AT_JSON, .read_only = false},
    {"annualrevenue", "Annual Revenue", FT_DOUBLE, AT_JSON, .read_only = false},
    {0}};

static const struct row HUBSPOT_CONTACT[] = {
    {"lastmodifieddate", "Last Modified Date", FT_DATETIME, AT_MODSTAMP, .read_only = true},
    {"email", "Email", FT_EMAIL, AT_EMAIL, .unique = true},
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
    {"numberofemployees", "Number of Employees", FT_INT, AT_JSON, .read_only = false},
    {0}};

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
    if (crm == CRM_SALESFORCE) {
        add_rows(schema, "Contact", SALESFORCE_ALL);
        add_rows(schema, "Contact", SALESFORCE_PERSON);
        add_rows(schema, "Contact", SALESFORCE_CONTACT);
        add_rows(schema, "Account", SALESFORCE_ALL);
        add_rows(schema, "Account", SALESFORCE_ACCOUNT);
        add_rows(schema, "Lead", SALESFORCE_ALL);
        add_rows(schema, "Lead", SALESFORCE_PERSON);
        add_rows(schema, "Lead", SALESFORCE_LEAD);
    } else {
        add_rows(schema, "contacts", HUBSPOT_ALL);
        add_rows(schema, "contacts", HUBSPOT_CONTACT);
        add_rows(schema, "companies", HUBSPOT_ALL);
        add_rows(schema, "companies", HUBSPOT_COMPANY);
    }
}
