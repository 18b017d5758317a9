"""
test_check_links — `tandem check --connect` of contacts, companies and deals: pipelines and stages of the value tables, owners,
associations. What is not there is named, with what there is.
"""
import os
import re

import harness
from cli_tools import Migration
from harness import Sandbox, run_tests


def entities():
    """Of the three-entities case, with property names of the sandbox."""
    with open(os.path.join(harness.SOURCE, "tests/data/config/three-entities.cfg"), encoding="utf-8") as file:
        return re.search(r"^entities = \(.*?^\);", file.read(), re.MULTILINE | re.DOTALL)[0]


def lines(out):
    return [line for line in out.splitlines() if re.search(r"pipeline|stage|owners|associations", line)]


def test_what_an_entity_leads_to():
    old, new = Sandbox("salesforce"), Sandbox("hubspot")
    migration = Migration(old=old.url, new=new.url)
    migration.write(re.sub(r"^entities = \(.*?^\);", lambda _: entities(), migration.text, count=1, flags=re.MULTILINE | re.DOTALL))
    migration.tandem("check", want=0)
    _, out, _ = migration.tandem("check", "--connect")
    assert lines(out) == ["ok       hubspot pipelines of deals: every pipeline and stage of the value tables is there"], out

    migration.change('association = "279"', 'association = "278"')
    _, out, _ = migration.tandem("check", "--connect", want=69)
    assert "missing  hubspot associations contacts to companies: field company of contact is of type HUBSPOT_DEFINED:278, which the system does not" \
        " have; there are: " in out and "HUBSPOT_DEFINED:279" in out, out
    migration.change('association = "278"', 'association = "279"')

    migration.change('new = "closedwon"', 'new = "closedwonn"')
    migration.change('new = "default"', 'new = "sales"')
    path = os.path.join(migration.dir, "connectors/hubspot.cfg")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text.count('owners_path = "/crm/v3/owners"') == 1
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace('owners_path = "/crm/v3/owners"', 'owners_path = "/crm/v3/nobody"'))
    _, out, _ = migration.tandem("check", "--connect", want=69)
    found = "\n".join(lines(out))
    assert "missing  hubspot pipeline sales of deals: the table of field pipeline of deal has it, the system has not; there are: default (Sales Pipeline)" in found, out
    assert "missing  hubspot stage closedwonn of deals: " in found and found.count("missing  hubspot owners: ") == 3, out


if __name__ == "__main__":
    run_tests(globals())
