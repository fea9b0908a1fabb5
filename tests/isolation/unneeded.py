"""Team filters that nobody would miss, and why: a second wall behind one that stands."""

from tests.isolation.mutant import Site

KEY = "it also names a row that was read of the team, and by the composite key what points there is of that team"
ROW = "the id was read from a row of the team, within the same function or by its only caller"
HELD = "these ids were selected of the team, and held, by an earlier statement of the same transaction"
TWO_WAYS = "it chooses between two ways to the same images"
COMBINATION = "a combination is of one source, and the images it leads to are asked for by their own team"

# (file, part of the filter's text, how many filters there hold it): why the access suite cannot notice. One more
# that is written there is judged anew, for then the number is wrong (tests/isolation/test_mutations.py).
UNNEEDED: dict[tuple[str, str, int], str] = {
    ("accounts/invitations.py", "accept: _whole().filter", 1): ROW,
    ("catalog/actions/cloud_accounts.py", "cloud_account=account", 4): KEY,
    ("catalog/actions/cloud_accounts.py", "delete_cloud_account: CloudAccount.with_drafts", 1): ROW,
    ("catalog/actions/feeds.py", "membership=membership", 1): KEY,
    ("catalog/actions/marks.py", "f.team_id", 1): COMBINATION,
    ("catalog/actions/marks.py", "i.id = ANY(%(ids)s)", 1): HELD,
    ("catalog/actions/marks.py", "_tell: Image.objects.filter(team=team, id=changed[0])", 1): HELD,
    ("catalog/actions/overrides.py", "_save: Image.objects.filter(team=team, id=image.id)", 1): ROW,
    ("catalog/actions/requests.py", "cloud_account=account", 1): KEY,
    ("catalog/actions/saved_views.py", "save_view: SavedView.objects.filter(team=team, id=there.id)", 1): ROW,
    ("catalog/actions/saved_views.py", "set_default: SavedView.objects.filter(team=team, id=there.id)", 1): ROW,
    ("catalog/also_in.py", "i.team_id", 2): "what it finds is joined to the sources of the team",
    ("catalog/audit_filter.py", "fetch: AuditEvent.objects.filter(team=team.id, id__in=few)", 1): ROW,
    (
        "catalog/batch_command.py",
        "_own: Registration.objects.get(team=self._team, id=row.id)",
        1,
    ): "the id was made by the very call that wrote the row",
    ("catalog/batch_results.py", "batch=batch", 3): KEY,
    ("catalog/batch_sending.py", "batch_id=batch.id", 1): KEY,
    ("catalog/batches.py", "cloud_account=account", 1): KEY,
    ("catalog/breakers.py", "cloud_account_id=breaker.cloud_account_id", 1): KEY,
    (
        "catalog/breakers.py",
        "breakers_open: Breaker.objects.filter(team_id=team_id, open_until__isnull=False)",
        1,
    ): "they are looked up by the cloud account of a source of the team",
    ("catalog/bulk.py", "i.id = ANY(%s)", 1): ROW,
    ("catalog/change_rows.py", "source_id=run.source_id", 1): KEY,
    ("catalog/change_sets.py", "run_id = %s", 1): KEY,
    (
        "catalog/change_sets.py",
        "SELECT * FROM catalog_imagechange WHERE team_id = %s AND image_id = ANY(%s::uuid[])",
        1,
    ): "the statement these are part of asks for the changes of the team",
    (
        "catalog/change_sets.py",
        "_told: SELECT i.id FROM catalog_image i WHERE i.team_id = %s",
        1,
    ): "the statement these are part of asks for the changes of the team",
    ("catalog/change_visits.py", "membership_id = %(membership)s", 2): KEY,
    ("catalog/combinations.py", "catalog_facetcount WHERE team_id = %s)", 1): TWO_WAYS,
    ("catalog/combinations.py", "catalog_facetstamp", 1): "it tells when to read anew, and what is read names the team",
    ("catalog/connection_tests.py", "id=test.cloud_account_id", 1): KEY,
    ("catalog/following.py", "_source: Source.objects.filter(team_id=row.team_id, kind__in=kinds", 1): KEY,
    ("catalog/freshness.py", "source=OuterRef", 1): KEY,
    ("catalog/history.py", "image=image", 1): KEY,
    ("catalog/hits.py", "k.team_id", 1): COMBINATION,
    ("catalog/mark_rows.py", "AND id = ANY(%(ids)s) AND starred <> %(starred)s", 1): HELD,
    ("catalog/mark_rows.py", "FROM catalog_image i WHERE i.team_id = %s AND i.id = ANY(%s)", 1): HELD,
    ("catalog/mark_rows.py", "WHERE i.team_id = %s AND i.id = v.id", 1): HELD,
    ("catalog/marks.py", "carry_over: Image.objects.filter(team_id=new.team_id, id=new.id)", 1): ROW,
    ("catalog/overrides.py", "carry_overrides: Image.objects.filter(team_id=new.team_id, id=new.id)", 1): ROW,
    ("catalog/overview.py", "source_id = ", 2): KEY,
    (
        "catalog/pages.py",
        "_order: FROM catalog_source s WHERE s.team_id = %s",
        1,
    ): "they are looked up by the source of a combination of the team",
    ("catalog/registration.py", "cloud_account=account", 1): KEY,
    ("catalog/registration_copies.py", "image.registrations", 1): KEY,
    ("catalog/registration_page.py", "source__cloud_account=account", 1): KEY,
    ("catalog/registration_twins.py", "cloud_account=account", 1): KEY,
    ("catalog/removal.py", "source_id=image.source_id", 1): KEY,
    ("catalog/removal.py", "image.removals", 1): KEY,
    (
        "catalog/retention.py",
        "SELECT id FROM catalog_imagechange WHERE team_id = %(team)s",
        1,
    ): "the same call has every team's turn, by the same number of days",
    ("catalog/runs.py", "source_id=run.source_id", 2): KEY,
    ("catalog/shelving.py", "source__cloud_account=account", 1): KEY,
    ("catalog/shelving.py", "cloud_account_id=source.cloud_account_id", 1): KEY,
    ("catalog/shelving.py", "image__source=source", 1): KEY,
    ("catalog/sources.py", "source_id = wanted.id", 1): KEY,
    ("catalog/sources.py", "source__in=cards", 1): KEY,
    ("catalog/views/batches.py", "batch.registrations", 2): KEY,
    ("catalog/views/changes.py", "membership=request.membership", 1): KEY,
    ("catalog/views/cloud_accounts.py", "cloud_account=account", 1): KEY,
    ("catalog/views/corrections.py", "_correct: Image.objects.filter(team=team, id=image.id)", 1): ROW,
    ("catalog/views/images.py", "image.registrations", 1): KEY,
    ("catalog/views/registrations.py", "cloud_account__in=", 2): KEY,
    ("catalog/views/registrations.py", "id=coming", 1): "the id is in a token signed for this person and team",
    ("catalog/views/sources.py", "source=source", 1): KEY,
}


def reason_of(site: Site) -> str:
    for (file, text, _sites), why in UNNEEDED.items():
        if site.file == file and text in site.text:
            return why
    return ""
