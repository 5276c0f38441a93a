"""Reads metrics on standard input by prometheus_client's own parser: of OpenMetrics, or, with the
argument "text", of the older text format. Writes a JSON list: name, type, and samples of each
metric. A text that is not valid is an exception."""

import io
import json
import sys

from prometheus_client import parser as text
from prometheus_client.openmetrics import parser as openmetrics

source = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", newline="").read()
families = (text if sys.argv[1:] == ["text"] else openmetrics).text_string_to_metric_families(source)
json.dump([{"name": family.name, "type": family.type,
            "samples": [{"name": sample.name, "labels": sample.labels, "value": sample.value}
                        for sample in family.samples]} for family in families], sys.stdout)
