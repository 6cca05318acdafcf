-- Organisations are the tenants. Each transaction of the service names the one it acts for:
-- set_config('accompany.organisation', '<uuid>', true), for the transaction and never for the session.

GRANT USAGE ON SCHEMA accompany TO accompany_service, accompany_worker;

-- Empty once a transaction is over: a setting that was ever local to a transaction never becomes NULL again.
CREATE FUNCTION accompany.current_organisation() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('accompany.organisation', true), '')::uuid;

CREATE TABLE accompany.organisations (
    organisation_id uuid PRIMARY KEY,
    name text NOT NULL,
    time_zone text NOT NULL,
    demo boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE accompany.organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE accompany.organisations FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON accompany.organisations TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY worker_sees_all ON accompany.organisations FOR SELECT TO accompany_worker USING (true);
CREATE POLICY service_sees_its_organisation ON accompany.organisations FOR SELECT TO accompany_service
    USING (organisation_id = accompany.current_organisation());
GRANT SELECT ON accompany.organisations TO accompany_service, accompany_worker;
