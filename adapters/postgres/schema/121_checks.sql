-- What the scheduled checks of the record have looked at, and what they found. The worker keeps it; it can be thrown away and made anew.

CREATE SCHEMA checks;
GRANT USAGE ON SCHEMA checks TO accompany_service, accompany_worker;

-- How far each check has come. `reached` is where it goes on (its own words); `finished_at` when it last came to the end.
CREATE TABLE checks.progress (
    name text PRIMARY KEY,
    reached text NOT NULL DEFAULT '',
    looked_at bigint NOT NULL DEFAULT 0,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);
GRANT SELECT ON checks.progress TO accompany_service, accompany_worker;
GRANT INSERT, UPDATE ON checks.progress TO accompany_worker;

-- One row for each finding. `place` tells two of one kind in a mentorship apart: the entry's version, or the access log's position.
CREATE TABLE checks.findings (
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    name text NOT NULL,
    code text NOT NULL,
    place bigint NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (organisation_id, mentorship_id, name, code, place)
);
ALTER TABLE checks.findings ENABLE ROW LEVEL SECURITY;
ALTER TABLE checks.findings FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON checks.findings TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY worker_keeps_all ON checks.findings TO accompany_worker USING (true) WITH CHECK (true);
CREATE POLICY service_sees_its_organisation ON checks.findings FOR SELECT TO accompany_service
    USING (organisation_id = accompany.current_organisation());
GRANT SELECT ON checks.findings TO accompany_service, accompany_worker;
GRANT INSERT, DELETE ON checks.findings TO accompany_worker;
