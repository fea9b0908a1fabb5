"""Team filters that nobody would miss, and why: a second wall behind one that stands."""

from tests.isolation.mutant import Site

KEY = "it also names a row that was read of the team, and by the composite key what points there is of that team"
ROW = "the id was read from a row of the team, within the same function or by its only caller"
HELD = "these ids were selected of the team, and held, by an earlier statement of the same transaction"
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
    ("catalog/batch_command.py", "_own: "): "the id was made by the very call that wrote the row",
    ("catalog/breakers.py", "live_sources: "): KEY,
    ("catalog/change_sets.py", "_told: "): "the statement these are part of asks for the changes of the team",
    (
        "catalog/combinations.py",
        "catalog_facetcount WHERE team_id = %s)",
    ): "it chooses between two ways to the same images",
    ("catalog/connection_tests.py", "run_test: "): KEY,
    ("catalog/counts.py", "k.team_id"): COMBINATION,
    ("catalog/marks.py", "carry_over: "): ROW,
    ("catalog/overrides.py", "carry_overrides: "): ROW,
    ("catalog/overview.py", "source_id = "): KEY,
    ("catalog/registration_copies.py", "image.registrations"): KEY,
    ("catalog/registration_page.py", "source__cloud_account=account"): KEY,
    ("catalog/retention.py", "team_id = %(team)s"): "the same call has every team's turn, by the same number of days",
    ("catalog/shelving.py", "close_"): KEY,
    ("catalog/views/corrections.py", "_correct: "): ROW,
}


def reason_of(site: Site) -> str:
    for (file, text), why in UNNEEDED.items():
        if site.file == file and text in site.text:
            return why
    return ""
