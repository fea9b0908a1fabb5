"""Images on a shelf without a cloud: what a sync would have written, as quickly as a test needs it."""

from typing import Any

from catalog import rows
from catalog.models import Image, ImageDocument, Source
from catalog.providers.base import FIELDS, RemoteImage


def put(source: Source, name: str, **fields: Any) -> Image:
    """One image of `source`. `fields` are those of RemoteImage; `row` holds columns that only a row has."""
    columns = fields.pop("row", {})
    document = fields.pop("document", {"ImageId": name})
    fields = {"key": name, "remote_id": f"m-{name}", "type": "vm", "region": source.region, **fields}
    fields.setdefault("provenance", {field: "reported" if fields.get(field) else "unknown" for field in FIELDS})
    found = rows.columns(RemoteImage(name=name, **fields)) | columns
    image = Image.objects.create(team_id=source.team_id, source=source, content_hash=b"\1" * 16, **found)
    ImageDocument.objects.create(image=image, team_id=source.team_id, document=document)
    return image
