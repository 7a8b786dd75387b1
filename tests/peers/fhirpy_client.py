"""Creates, searches, pages, changes and asks for the last values with fhirpy: URL, token of a gateway, token of a person."""
import datetime
import sys

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome

url, gateway, person = sys.argv[1:4]
writer = SyncFHIRClient(url, authorization=f"Bearer {gateway}")
reader = SyncFHIRClient(url, authorization=f"Bearer {person}")
start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=10)


def heart_rate(value, seconds):
    at = (start + datetime.timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    return {
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": at,
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "/min"},
    }


made = []
for n in range(5):
    observation = writer.resource("Observation", **heart_rate(70 + n, n))
    observation.save()
    assert observation.id and observation["meta"]["versionId"] == "1", observation
    made.append(observation)

found = reader.resources("Observation").search(patient="p1", code="http://loinc.org|8867-4").sort("-date").limit(2)
all_pages = found.fetch_all()
assert [o.id for o in all_pages] == [o.id for o in reversed(made)], all_pages
assert found.count() == 5, found.count()
last = reader.execute("Observation/$lastn", method="get", params={"patient": "p1", "max": 2})
assert [e["resource"]["id"] for e in last["entry"]] == [made[4].id, made[3].id], last

changed = made[0]
changed["status"] = "corrected"
changed["valueQuantity"]["value"] = 75
changed.save()
assert changed["meta"]["versionId"] == "2", changed
patient = reader.reference("Patient", "p1").to_resource()
assert patient["name"][0]["family"] == "Okafor", patient

try:
    writer.resource("Observation", **{**heart_rate(70, 99), "status": "done"}).save()
    raise SystemExit("a wrong status was taken")
except OperationOutcome as refused:
    assert "Observation.status" in str(refused.resource), refused.resource
print("fhirpy is content")
