from django.db import migrations

FORWARDS = """
CREATE FUNCTION accounts_auditevent_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER accounts_auditevent_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_auditevent_refuse();
"""
BACKWARDS = """
DROP TRIGGER accounts_auditevent_append_only ON accounts_auditevent;
DROP FUNCTION accounts_auditevent_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_first")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
