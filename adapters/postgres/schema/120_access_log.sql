-- Who looked at whose data: one row for each person of each read, in one total order, written before the data are returned. Like the
-- events it is only ever added to, and its positions count from 1 without a gap over all organisations, so that a Merkle tree can
-- stand on them. It holds ids, terms and names of fields, and nothing that was read.

CREATE TABLE accompany.access_log (
    position bigint PRIMARY KEY CHECK (position > 0),
    recorded_at timestamptz NOT NULL,
    organisation_id uuid NOT NULL,
    -- One answer's entries share it; it also tells a write that is sent again from another one.
    read_id uuid NOT NULL,
    member_id uuid NOT NULL,
    role text NOT NULL,
    -- What was asked for: method and template of the address, never the address itself.
    read text NOT NULL,
    -- Whose data; of a denial, whose they would have been, where that is known. The mentorship if it was through one.
    person_id uuid,
    mentorship_id uuid,
    -- What was opened: events by their log positions, their topics, and the fields in them.
    positions bigint[] NOT NULL,
    topics text[] NOT NULL,
    fields text[] NOT NULL,
    purpose text,
    legal_basis text,
    -- The consent relied on, by its version in the mentorship's stream, as known when the record was read up to `consent_as_of`. NULL
    -- beside the basis "consent" says that none was in force.
    consent_version integer,
    consent_as_of bigint,
    outcome text NOT NULL CHECK (outcome IN ('shown', 'denied')),
    -- Why it was denied: a code.
    refusal text,
    trace_id text NOT NULL,
    CHECK ((outcome = 'denied') = (refusal IS NOT NULL)),
    CHECK (outcome = 'denied' OR (person_id IS NOT NULL AND legal_basis IS NOT NULL))
);
CREATE INDEX access_log_of_person ON accompany.access_log (organisation_id, person_id, position);
CREATE INDEX access_log_by_member ON accompany.access_log (organisation_id, member_id, position);
CREATE INDEX access_log_of_read ON accompany.access_log (read_id);

ALTER TABLE accompany.access_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE accompany.access_log FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON accompany.access_log TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY worker_sees_all ON accompany.access_log FOR SELECT TO accompany_worker USING (true);
CREATE POLICY service_sees_its_organisation ON accompany.access_log FOR SELECT TO accompany_service
    USING (organisation_id = accompany.current_organisation());
GRANT SELECT ON accompany.access_log TO accompany_service, accompany_worker;

CREATE FUNCTION accompany.refuse_change_of_access_log() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'the access log is never changed and never shortened: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER accesses_stay_as_recorded
    BEFORE UPDATE OR DELETE OR TRUNCATE ON accompany.access_log
    FOR EACH STATEMENT EXECUTE FUNCTION accompany.refuse_change_of_access_log();
-- ALWAYS: it fires for a session that pretends to be a replica, too.
ALTER TABLE accompany.access_log ENABLE ALWAYS TRIGGER accesses_stay_as_recorded;

-- The head of the whole log, which row-level security would hide from the service.
CREATE FUNCTION accompany.last_access() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN (SELECT coalesce(max(position), 0) FROM accompany.access_log);
REVOKE ALL ON FUNCTION accompany.last_access() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accompany.last_access() TO accompany_service, accompany_worker;

-- The one way into it: entries of one or more reads, in order. A lock of its own makes the order of positions that of commits, as with
-- events. A read that stands in it already, because its acknowledgement was lost, is not written again. Arrays within an
-- entry come as text, since an array of arrays would have to be rectangular.
CREATE FUNCTION accompany.log_accesses(
    organisation_ids uuid[], read_ids uuid[], member_ids uuid[], roles text[], reads text[], person_ids uuid[], mentorship_ids uuid[],
    position_lists text[], topic_lists text[], field_lists text[], purposes text[], legal_bases text[], consent_versions integer[],
    consents_as_of bigint[], outcomes text[], refusals text[], trace_ids text[]
) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
    head bigint;
    head_recorded timestamptz;
    written uuid[];
    recorded timestamptz;
    added bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'logging accesses needs read committed' USING ERRCODE = 'active_sql_transaction';
    END IF;
    PERFORM pg_advisory_xact_lock(4702111234474983865);

    SELECT coalesce(array_agg(r.read_id), '{}') INTO written
        FROM (SELECT DISTINCT u.read_id FROM unnest(read_ids) AS u (read_id)) r
        WHERE EXISTS (SELECT FROM accompany.access_log a WHERE a.read_id = r.read_id);
    SELECT a.position, a.recorded_at INTO head, head_recorded FROM accompany.access_log a ORDER BY a.position DESC LIMIT 1;
    head := coalesce(head, 0);
    -- A clock that is set back must not make the order of times differ from that of positions.
    recorded := greatest(clock_timestamp(), head_recorded);
    INSERT INTO accompany.access_log (
        position, recorded_at, organisation_id, read_id, member_id, role, read, person_id, mentorship_id, positions, topics, fields,
        purpose, legal_basis, consent_version, consent_as_of, outcome, refusal, trace_id
    )
    SELECT
        head + row_number() OVER (ORDER BY t.n), recorded, t.organisation_id, t.read_id,
        t.member_id, t.role, t.read, t.person_id, t.mentorship_id, t.positions::bigint[], t.topics::text[], t.fields::text[],
        t.purpose, t.legal_basis, t.consent_version, t.consent_as_of, t.outcome, t.refusal, t.trace_id
    FROM unnest(
        organisation_ids, read_ids, member_ids, roles, reads, person_ids, mentorship_ids, position_lists, topic_lists, field_lists,
        purposes, legal_bases, consent_versions, consents_as_of, outcomes, refusals, trace_ids
    ) WITH ORDINALITY AS t (
        organisation_id, read_id, member_id, role, read, person_id, mentorship_id, positions, topics, fields,
        purpose, legal_basis, consent_version, consent_as_of, outcome, refusal, trace_id, n
    )
    WHERE t.read_id <> ALL (written)
    ORDER BY t.n;
    GET DIAGNOSTICS added = ROW_COUNT;
    RETURN head + added;
END
$$;
REVOKE ALL ON FUNCTION accompany.log_accesses(
    uuid[], uuid[], uuid[], text[], text[], uuid[], uuid[],
    text[], text[], text[], text[], text[], integer[],
    bigint[], text[], text[], text[]
) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accompany.log_accesses(
    uuid[], uuid[], uuid[], text[], text[], uuid[], uuid[],
    text[], text[], text[], text[], text[], integer[],
    bigint[], text[], text[], text[]
) TO accompany_service;
