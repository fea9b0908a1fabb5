"""Places that are searched: files, and rows as their models show themselves."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from django.apps import apps
from django.forms.models import model_to_dict

from tests.canaries.planted import shown


def watched(paths: Iterable[Path]) -> Iterator[bytes]:
    """These files and those in these folders, each whole with its name."""
    for there in paths:
        for path in sorted(there.rglob("*")) if there.is_dir() else [there]:
            if path.is_file():
                yield path.name.encode() + b"\n" + path.read_bytes()


def model_rows() -> Iterator[bytes]:
    """Every row there is of every model, as `repr` and `str` show it and what it holds."""
    for model in apps.get_models():
        for row in model._base_manager.all().iterator(chunk_size=500):
            yield shown(row) + shown(model_to_dict(row)) + shown(row.__dict__)
