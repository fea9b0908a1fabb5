from django.urls import path

from catalog.views import (
    bulk,
    cloud_accounts,
    comparisons,
    corrections,
    exports,
    images,
    labels,
    marks,
    registrations,
    saved_views,
    sources,
)

app_name = "catalog"
urlpatterns = [
    path("t/<slug:slug>/images/", images.image_list, name="image_list"),
    path("t/<slug:slug>/images/export.<slug:form>", exports.image_export, name="image_export"),
    path("t/<slug:slug>/images/bulk/", bulk.image_bulk, name="image_bulk"),
    path("t/<slug:slug>/images/ids/", bulk.image_ids, name="image_ids"),
    path("t/<slug:slug>/images/compare/", comparisons.image_compare, name="image_compare"),
    path("t/<slug:slug>/images/<uuid:image_id>/", images.image_detail, name="image_detail"),
    path("t/<slug:slug>/images/<uuid:image_id>/correct/", corrections.image_correct, name="image_correct"),
    path("t/<slug:slug>/images/<uuid:image_id>/star/", marks.image_star, name="image_star"),
    path("t/<slug:slug>/images/<uuid:image_id>/labels/", marks.image_labels, name="image_labels"),
    path("t/<slug:slug>/images/<uuid:image_id>/note/", marks.image_note, name="image_note"),
    path("t/<slug:slug>/labels/", labels.label_list, name="label_list"),
    path("t/<slug:slug>/labels/edit/", labels.label_edit, name="label_edit"),
    path("t/<slug:slug>/labels/delete/", labels.label_delete, name="label_delete"),
    path("t/<slug:slug>/images/display/", saved_views.display_choose, name="display_choose"),
    path("t/<slug:slug>/views/", saved_views.saved_view_list, name="saved_view_list"),
    path("t/<slug:slug>/views/add/", saved_views.saved_view_add, name="saved_view_add"),
    path("t/<slug:slug>/views/<uuid:view_id>/", saved_views.saved_view_open, name="saved_view_open"),
    path("t/<slug:slug>/views/<uuid:view_id>/save/", saved_views.saved_view_save, name="saved_view_save"),
    path("t/<slug:slug>/views/<uuid:view_id>/rename/", saved_views.saved_view_rename, name="saved_view_rename"),
    path("t/<slug:slug>/views/<uuid:view_id>/share/", saved_views.saved_view_share, name="saved_view_share"),
    path("t/<slug:slug>/views/<uuid:view_id>/default/", saved_views.saved_view_default, name="saved_view_default"),
    path("t/<slug:slug>/views/<uuid:view_id>/delete/", saved_views.saved_view_delete, name="saved_view_delete"),
    path("t/<slug:slug>/sources/", sources.source_list, name="source_list"),
    path("t/<slug:slug>/sources/add/", sources.source_add, name="source_add"),
    path("t/<slug:slug>/sources/<uuid:source_id>/", sources.source_detail, name="source_detail"),
    path("t/<slug:slug>/sources/<uuid:source_id>/edit/", sources.source_edit, name="source_edit"),
    path("t/<slug:slug>/sources/<uuid:source_id>/sync/", sources.source_sync, name="source_sync"),
    path("t/<slug:slug>/sources/<uuid:source_id>/pause/", sources.source_pause, name="source_pause"),
    path("t/<slug:slug>/sources/<uuid:source_id>/resume/", sources.source_resume, name="source_resume"),
    path("t/<slug:slug>/sources/<uuid:source_id>/delete/", sources.source_delete, name="source_delete"),
    path("t/<slug:slug>/runs/<uuid:run_id>/", sources.run_detail, name="run_detail"),
    path("t/<slug:slug>/runs/<uuid:run_id>/accept/", sources.run_accept, name="run_accept"),
    path("t/<slug:slug>/runs/<uuid:run_id>/keep/", sources.run_keep, name="run_keep"),
    path("t/<slug:slug>/accounts/add/", cloud_accounts.cloud_account_add, name="cloud_account_add"),
    path("t/<slug:slug>/accounts/<uuid:account_id>/", cloud_accounts.cloud_account_detail, name="cloud_account_detail"),
    path(
        "t/<slug:slug>/accounts/<uuid:account_id>/edit/", cloud_accounts.cloud_account_edit, name="cloud_account_edit"
    ),
    path(
        "t/<slug:slug>/accounts/<uuid:account_id>/test/", cloud_accounts.cloud_account_test, name="cloud_account_test"
    ),
    path(
        "t/<slug:slug>/accounts/<uuid:account_id>/delete/",
        cloud_accounts.cloud_account_delete,
        name="cloud_account_delete",
    ),
    path("t/<slug:slug>/tests/<uuid:test_id>/", cloud_accounts.connection_test, name="connection_test"),
    path("t/<slug:slug>/registrations/", registrations.registration_list, name="registration_list"),
    path("t/<slug:slug>/registrations/add/", registrations.registration_add, name="registration_add"),
    path(
        "t/<slug:slug>/registrations/<uuid:registration_id>/",
        registrations.registration_detail,
        name="registration_detail",
    ),
]
