"""The tables, by noun. Everything is imported from here."""

from catalog.models.changes import ChangeFeed, ChangeVisit, ImageChange
from catalog.models.columns import (
    FACETS,
    Computed,
    LastSeen,
    OwnSystem,
    RowHash,
    SortId,
    SortText,
    TeamRow,
    TextHash,
    facets_hash,
    tenant_key,
)
from catalog.models.facets import FacetCount, FacetStamp
from catalog.models.images import CONTAINER, LOST, Image, ImageDocument
from catalog.models.registrations import Batch, CloudWrite, Registration, RegistrationState, Removal, RequestMail
from catalog.models.runs import RUNNING, Pulse, RunState, SyncRun
from catalog.models.saved_views import SavedView
from catalog.models.sources import Breaker, ConnectionTest, Source

__all__ = [
    "CONTAINER",
    "FACETS",
    "LOST",
    "RUNNING",
    "Batch",
    "Breaker",
    "ChangeFeed",
    "ChangeVisit",
    "CloudWrite",
    "Computed",
    "ConnectionTest",
    "FacetCount",
    "FacetStamp",
    "Image",
    "ImageChange",
    "ImageDocument",
    "LastSeen",
    "OwnSystem",
    "Pulse",
    "Registration",
    "RegistrationState",
    "Removal",
    "RequestMail",
    "RowHash",
    "RunState",
    "SavedView",
    "SortId",
    "SortText",
    "Source",
    "SyncRun",
    "TeamRow",
    "TextHash",
    "facets_hash",
    "tenant_key",
]
