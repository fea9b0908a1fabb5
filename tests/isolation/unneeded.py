"""Team filters that nobody would miss, and why: a second wall behind one that stands."""

from tests.isolation.mutant import Site

KEY = "it also names a row that was read of the team, and by the composite key what points there is of that team"
ROW = "the id was read from a row of the team, within the same function or by its only caller"
HELD = "these ids were selected of the team, and held, by an earlier statement of the same transaction"
TWO_WAYS = "it chooses between two ways to the same images"
COMBINATION = "a combination is of one source, and the images it leads to are asked for by their own team"

# (file, part of the filter's text): why the access suite cannot notice.
UNNEEDED: dict[tuple[str, str], str] = {
    ("accounts/invitations.py", "accept: _whole().filter"): ROW,
    ("catalog/actions/cloud_accounts.py", "cloud_account=account"): KEY,
    ("catalog/actions/cloud_accounts.py", "delete_cloud_account: CloudAccount.with_drafts"): ROW,
    ("catalog/actions/feeds.py", "membership=membership"): KEY,
    ("catalog/actions/marks.py", "f.team_id"): COMBINATION,
    ("catalog/actions/marks.py", "i.id = ANY(%(ids)s)"): HELD,
    ("catalog/actions/marks.py", "_tell: "): HELD,
    ("catalog/actions/overrides.py", "_save: "): ROW,
    ("catalog/actions/requests.py", "cloud_account=account"): KEY,
    ("catalog/actions/saved_views.py", "save_view: "): ROW,
    ("catalog/actions/saved_views.py", "set_default: SavedView.objects.filter(team=team, id=there.id)"): ROW,
    ("catalog/also_in.py", "i.team_id"): "what it finds is joined to the sources of the team",
    ("catalog/audit_filter.py", "fetch: "): ROW,
    ("catalog/batch_command.py", "_own: "): "the id was made by the very call that wrote the row",
    ("catalog/batch_results.py", "batch=batch"): KEY,
    ("catalog/batch_sending.py", "batch_id=batch.id"): KEY,
    ("catalog/batches.py", "cloud_account=account"): KEY,
    ("catalog/breakers.py", "live_sources: "): KEY,
    ("catalog/breakers.py", "breakers_open: "): "they are looked up by the cloud account of a source of the team",
    ("catalog/bulk.py", "i.id = ANY(%s)"): ROW,
    ("catalog/change_rows.py", "source_id=run.source_id"): KEY,
    ("catalog/change_sets.py", "run_id = %s"): KEY,
    ("catalog/change_sets.py", "_told: "): "the statement these are part of asks for the changes of the team",
    ("catalog/change_visits.py", "membership_id = %(membership)s"): KEY,
    (
        "catalog/combinations.py",
        "catalog_facetcount WHERE team_id = %s)",
    ): TWO_WAYS,
    ("catalog/combinations.py", "catalog_facetstamp"): "it tells when to read anew, and what is read names the team",
    ("catalog/connection_tests.py", "run_test: "): KEY,
    ("catalog/counts.py", "k.team_id"): COMBINATION,
    ("catalog/following.py", "_source: "): KEY,
    ("catalog/history.py", "image=image"): KEY,
    ("catalog/mark_rows.py", "team_id"): HELD,
    ("catalog/marks.py", "carry_over: "): ROW,
    ("catalog/overrides.py", "carry_overrides: "): ROW,
    ("catalog/overview.py", "source_id = "): KEY,
    ("catalog/pages.py", "_order: "): "they are looked up by the source of a combination of the team",
    ("catalog/registration.py", "cloud_account=account"): KEY,
    ("catalog/registration_copies.py", "image.registrations"): KEY,
    ("catalog/registration_page.py", "source__cloud_account=account"): KEY,
    ("catalog/registration_twins.py", "cloud_account=account"): KEY,
    ("catalog/removal.py", "source_id=image.source_id"): KEY,
    ("catalog/removal.py", "image.removals"): KEY,
    ("catalog/retention.py", "team_id = %(team)s"): "the same call has every team's turn, by the same number of days",
    ("catalog/runs.py", "source_id=run.source_id"): KEY,
    ("catalog/shelving.py", "source__cloud_account=account"): KEY,
    ("catalog/shelving.py", "close_"): KEY,
    ("catalog/sources.py", "source_id = wanted.id"): KEY,
    ("catalog/sources.py", "source__in=cards"): KEY,
    ("catalog/views/batches.py", "batch.registrations"): KEY,
    ("catalog/views/changes.py", "membership=request.membership"): KEY,
    ("catalog/views/cloud_accounts.py", "cloud_account=account"): KEY,
    ("catalog/views/corrections.py", "_correct: "): ROW,
    ("catalog/views/images.py", "image.registrations"): KEY,
    ("catalog/views/registrations.py", "cloud_account__in="): KEY,
    ("catalog/views/registrations.py", "id=coming"): "the id is in a token signed for this person and team",
    ("catalog/views/sources.py", "source=source"): KEY,
}


def reason_of(site: Site) -> str:
    for (file, text), why in UNNEEDED.items():
        if site.file == file and text in site.text:
            return why
    return ""
