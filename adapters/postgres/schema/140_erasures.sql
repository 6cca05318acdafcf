-- Erasures under way and done. `receipt` says what was done where and what was not: ids, counts and days, nothing personal.
CREATE TABLE accompany.erasures (
    organisation_id uuid NOT NULL,
    person_id uuid NOT NULL,
    receipt jsonb NOT NULL,
    completed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (organisation_id, person_id)
);

ALTER TABLE accompany.erasures ENABLE ROW LEVEL SECURITY;
ALTER TABLE accompany.erasures FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON accompany.erasures TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY service_sees_its_organisation ON accompany.erasures FOR SELECT TO accompany_service
    USING (organisation_id = accompany.current_organisation());
GRANT SELECT ON accompany.erasures TO accompany_service;

CREATE INDEX events_that_approve_an_erasure ON accompany.events (organisation_id, stream_id) WHERE topic = 'erasure-approved';

-- Of all organisations, those whose erasure was approved and is not done to the end: for a process that starts, or looks again.
CREATE FUNCTION accompany.erasures_under_way() RETURNS TABLE (organisation_id uuid, person_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.organisation_id, e.stream_id FROM accompany.events e
    WHERE e.topic = 'erasure-approved'
        AND NOT EXISTS (
            SELECT FROM accompany.erasures done
            WHERE done.organisation_id = e.organisation_id AND done.person_id = e.stream_id
        )
$$;

-- What can be removed of a person: snapshots of their cases, and every way in of a member who stands for them. Answers how many of each.
CREATE FUNCTION accompany.remove_of_person(person uuid, cases uuid[]) RETURNS TABLE (snapshots bigint, tokens bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation uuid := accompany.current_organisation();
BEGIN
    DELETE FROM accompany.snapshots s WHERE s.organisation_id = organisation AND s.stream_id = ANY (cases);
    GET DIAGNOSTICS snapshots = ROW_COUNT;
    DELETE FROM accompany.tokens t USING accompany.members m
    WHERE m.organisation_id = organisation AND m.person_id = person
        AND t.organisation_id = m.organisation_id AND t.member_id = m.member_id;
    GET DIAGNOSTICS tokens = ROW_COUNT;
    RETURN NEXT;
END
$$;

CREATE FUNCTION accompany.keep_erasure_receipt(person uuid, said jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO accompany.erasures AS kept (organisation_id, person_id, receipt)
    VALUES (accompany.current_organisation(), person, said)
    ON CONFLICT (organisation_id, person_id) DO UPDATE SET receipt = excluded.receipt, completed_at = clock_timestamp();
$$;

REVOKE ALL ON FUNCTION accompany.erasures_under_way() FROM PUBLIC;
REVOKE ALL ON FUNCTION accompany.remove_of_person(uuid, uuid[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION accompany.keep_erasure_receipt(uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accompany.erasures_under_way() TO accompany_service;
GRANT EXECUTE ON FUNCTION accompany.remove_of_person(uuid, uuid[]) TO accompany_service;
GRANT EXECUTE ON FUNCTION accompany.keep_erasure_receipt(uuid, jsonb) TO accompany_service;
