from django.db import migrations

from accounts.tenancy import composite_key


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_first"), ("accounts", "0002_audit_is_append_only")]
    operations = [
        composite_key("catalog_source", "cloud_account_id", "accounts_cloudaccount", "SET NULL"),
        composite_key("catalog_syncrun", "source_id", "catalog_source"),
        composite_key("catalog_image", "source_id", "catalog_source"),
        composite_key("catalog_imagedocument", "image_id", "catalog_image"),
        composite_key("catalog_imagechange", "source_id", "catalog_source"),
        composite_key("catalog_imagechange", "run_id", "catalog_syncrun", "SET NULL"),
        composite_key("catalog_imagechange", "image_id", "catalog_image"),
        composite_key("catalog_facetcount", "source_id", "catalog_source"),
        composite_key("catalog_registration", "cloud_account_id", "accounts_cloudaccount", "SET NULL"),
        composite_key("catalog_registration", "image_id", "catalog_image", "SET NULL"),
        composite_key("catalog_connectiontest", "cloud_account_id", "accounts_cloudaccount"),
    ]
