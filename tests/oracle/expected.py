"""expected - what the new system should say, from what the old one says.

Written by hand for the configuration of the tests (tests/support/pipeline.cfg), field by field. It
must never be derived from that file or from product code: a mistake there would then be a mistake
here, and nobody would see it.
"""
import re
import unicodedata
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

OLD_OBJECT, NEW_OBJECT = "Contact", "contacts"
SOURCES = {"Web": "WEB", "Phone Inquiry": "PHONE", "Partner Referral": "PARTNER",
           "Purchased List": "LIST", "Other": "OTHER"}


class Bad(ValueError):
    """A value that no honest conversion takes: the record belongs into the dead letters."""


def text(value):
    out = unicodedata.normalize("NFC", str(value)).replace("\r\n", "\n").replace("\r", "\n")
    return out or None


def email(value):
    out = unicodedata.normalize("NFC", str(value)).strip().lower()
    if not out:
        return None
    if out.count("@") != 1 or re.search(r"\s", out) or out.startswith("@") or out.endswith("@"):
        raise Bad("not an e-mail address")
    return out


def phone(value):
    out = str(value).strip()
    if not out:
        return None
    if not re.fullmatch(r"[0-9+()\-./xX ]*", out) or len(re.findall(r"[0-9]", out)) < 3:
        raise Bad("not a phone number")
    return out


def day(value):
    out = str(value).strip()
    if not out:
        return None
    try:
        return date.fromisoformat(out).isoformat()
    except ValueError as error:
        raise Bad("not a date") from error


def decimal(value):
    out = str(value).strip()
    if not out:
        return None
    try:
        number = format(Decimal(out), "f")
    except InvalidOperation as error:
        raise Bad("not a number") from error
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return "0" if number in ("-0", "") else number


def source(value):
    if value in SOURCES:
        return SOURCES[value]
    raise Bad("not one of the sources")


# canonical name, field of the old system, property of the new one, conversion
FIELDS = (
    ("email", "Email", "email", email),
    ("first_name", "FirstName", "firstname", text),
    ("last_name", "LastName", "lastname", text),
    ("phone", "Phone", "phone", phone),
    ("mobile", "MobilePhone", "mobilephone", phone),
    ("job_title", "Title", "jobtitle", text),
    ("street", "MailingStreet", "address", text),
    ("city", "MailingCity", "city", text),
    ("zip", "MailingPostalCode", "zip", text),
    ("country", "MailingCountry", "country", text),
    ("birth_date", "Birthdate", "date_of_birth", day),
    ("balance", "Balance__c", "annualrevenue", decimal),
    ("source", "LeadSource", "lead_source", source),
)
# What the new system stores is compared by value as well: 10 and 10.00 are one number.
STORED = {"annualrevenue": decimal}


def wanted(old_fields):
    """{property: text or None} that the new record should have. Raises Bad."""
    out = {}
    for name, old, new, convert in FIELDS:
        value = old_fields.get(old)
        try:
            out[new] = None if value is None else convert(value)
        except Bad as error:
            raise Bad(f"{name}: {error}") from error
    return out


def e164(value):
    """As a target that normalises stores phones: international or ten digits of North America, anything else as it is."""
    if not re.fullmatch(r"\+?[0-9\-./() ]*", value):
        return value
    digits = re.sub(r"[^0-9]", "", value)
    if "+" in value:
        number = digits
    elif digits.startswith("00"):
        number = digits[2:]
    elif len(digits) == 10 and digits[0] != "0":
        number = "1" + digits
    elif len(digits) == 11 and digits[0] == "1":
        number = digits
    else:
        return value
    return "+" + number if 7 <= len(number) <= 15 else value


def normalised(wanted_fields):
    """What becomes of wanted() in a target with the switches normalize_phones, normalize_text and normalize_decimals = 2."""
    out = dict(wanted_fields)
    for _, _, new, convert in FIELDS:
        value = out[new]
        if value is None:
            continue
        if convert is phone:
            out[new] = e164(value)
        elif convert is text:
            out[new] = value.strip() or None
        elif convert is decimal:
            out[new] = decimal(Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP))
    return out


def stored(new_fields):
    """The same properties as the new system holds them."""
    out = {}
    for _, _, new, _ in FIELDS:
        value = new_fields.get(new)
        if value in (None, ""):
            out[new] = None
        else:
            out[new] = STORED[new](value) if new in STORED else unicodedata.normalize("NFC", str(value))
    return out


CANONICAL = {new: name for name, _, new, _ in FIELDS}
# The words of outcomes and questions, which are canonical, as the new system's values; what has no canonical name stands as it is.
SAID = {"source": {"web": "WEB", "phone": "PHONE", "partner": "PARTNER", "list": "LIST", "other": "OTHER"}}


def said(name, value):
    return None if value is None else SAID.get(name, {}).get(value, value)
