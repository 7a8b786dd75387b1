"""Reads one resource a line of standard input with the R4B models of PyPI's fhir.resources."""
import json
import sys

from fhir.resources.R4B import get_fhir_model_class

for line in filter(None, map(str.strip, sys.stdin)):
    get_fhir_model_class(json.loads(line)["resourceType"]).model_validate_json(line)
print("fhir.resources is content")
