"""How many images there are of each combination of facet values."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Team
from catalog.models.columns import FACETS, facets_hash, tenant_key
from catalog.models.sources import Source


class FacetCount(models.Model):
    """How many images a source has with one combination of facet values. Only the trigger on images writes here."""

    id = models.BigAutoField(primary_key=True)
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, related_name="+", db_index=False)
    source = tenant_key(Source, related_name="+", db_index=False)
    type = models.CharField(max_length=10)
    os = models.CharField(max_length=10)
    distribution_facet = models.CharField(max_length=60)
    os_version_facet = models.CharField(max_length=60)
    arch = models.CharField(max_length=10)
    visibility = models.CharField(max_length=10)
    state = models.CharField(max_length=10)
    # Nearly always its source's; an item of DescribeSelfImages that names its own region beats that (PROVIDERS.md 2a).
    region = models.CharField(max_length=100)
    # A set of labels is one value, so that sums stay exact when several are chosen; nearly always the empty one.
    labels = ArrayField(models.CharField(max_length=40))
    starred = models.BooleanField()
    n = models.BigIntegerField()
    facets = facets_hash()

    class Meta:
        constraints = [models.UniqueConstraint(fields=FACETS, name="facetcount_values", include=["n"])]


class FacetStamp(models.Model):
    """Another one whenever a source's counts are others: a glance at a team's tells whether it counts as it did.

    Only the triggers on FacetCount write here. It is random, not a number that grows: a restored backup would come by
    one again that a process remembers.
    """

    id = models.BigAutoField(primary_key=True)
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, related_name="+", db_index=False)
    source = tenant_key(Source, related_name="+", db_index=False)
    stamp = models.UUIDField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "source"], name="facetstamp_of_source")]
