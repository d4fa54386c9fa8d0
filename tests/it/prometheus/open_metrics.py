"""Reads OpenMetrics by the parser of Prometheus' own client; prints every sample with its family."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

json.dump(
    [
        {"family": family.name, "type": family.type, "unit": family.unit, "name": sample.name,
         "labels": sample.labels, "value": sample.value}
        for family in text_string_to_metric_families(sys.stdin.read())
        for sample in family.samples
    ],
    sys.stdout,
)
