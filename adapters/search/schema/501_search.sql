-- The search index: blinded terms of what people are found by (docs/search.md). It stands beside the log, not in it, so that what it
-- holds of a person can be removed, and it can be thrown away and filled anew at any time.

CREATE SCHEMA search;
GRANT USAGE ON SCHEMA search TO accompany_service, accompany_worker;

-- Each filling of the index: how far it has come, under which key, and which one is asked. A new one is filled beside the one that is
-- asked, and then takes its place. `error` is a code, of what keeps it from going on.
CREATE TABLE search.fillings (
    filling integer PRIMARY KEY,
    key_id bytea NOT NULL,
    position bigint NOT NULL DEFAULT 0,
    is_asked boolean NOT NULL,
    error text,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX one_is_asked ON search.fillings (is_asked) WHERE is_asked;
CREATE UNIQUE INDEX one_is_filled_beside ON search.fillings (is_asked) WHERE NOT is_asked;
GRANT SELECT ON search.fillings TO accompany_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON search.fillings TO accompany_worker;

-- The terms of one stream: a person's details, or the number of one of their cases. PostgreSQL's text index holds buckets instead of
-- words here. The key begins with the stream, so that no plan can mistake it for a way to read a whole organisation.
CREATE TABLE search.terms (
    stream_id uuid NOT NULL,
    filling integer NOT NULL,
    organisation_id uuid NOT NULL,
    person_id uuid NOT NULL,
    terms tsvector NOT NULL,
    PRIMARY KEY (stream_id, filling, organisation_id)
);
-- Without a list of what is still to be indexed: each search would have to go through it.
CREATE INDEX ON search.terms USING gin (terms) WITH (fastupdate = off);
CREATE INDEX ON search.terms (person_id);

-- People who must not come back into the index, whatever is still in the log or in a cache.
CREATE TABLE search.forgotten (
    organisation_id uuid NOT NULL,
    person_id uuid NOT NULL,
    PRIMARY KEY (organisation_id, person_id)
);

ALTER TABLE search.terms ENABLE ROW LEVEL SECURITY;
ALTER TABLE search.terms FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON search.terms TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY worker_sees_all ON search.terms TO accompany_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON search.terms TO accompany_worker;

ALTER TABLE search.forgotten ENABLE ROW LEVEL SECURITY;
ALTER TABLE search.forgotten FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON search.forgotten TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY worker_sees_all ON search.forgotten FOR SELECT TO accompany_worker USING (true);
GRANT SELECT ON search.forgotten TO accompany_worker;

-- The service may ask the index and can't read it. A function of the owner, because row-level security would keep the service's own
-- query from using the index: the operator is not one that PostgreSQL trusts to tell nothing of rows that it must not show.
-- Of the people whose terms answer a question, those before `beyond` in order of their ids, last first; `among` limits whom to look at.
-- `key` is the one that the question was blinded under: an index under another one has nothing to say to it.
CREATE FUNCTION search.candidates(asked tsquery, key bytea, beyond uuid, among uuid[], most integer) RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    -- Plans are kept for a session's life, and one made while the table was nearly empty would read it whole.
    SET enable_seqscan = off SET enable_indexscan = off
AS $$
DECLARE
    organisation uuid := accompany.current_organisation();
    filled integer := (SELECT f.filling FROM search.fillings f WHERE f.is_asked AND f.key_id = key);
BEGIN
    IF organisation IS NULL THEN
        RAISE EXCEPTION 'accompany.organisation is not set in this transaction';
    END IF;
    RETURN QUERY
        WITH found AS MATERIALIZED (
            SELECT DISTINCT t.person_id FROM search.terms t
            WHERE t.terms @@ asked AND t.organisation_id = organisation AND t.filling = filled
                AND (among IS NULL OR t.person_id = ANY (among))
        )
        SELECT f.person_id FROM found f WHERE beyond IS NULL OR f.person_id < beyond ORDER BY f.person_id DESC LIMIT most;
END
$$;

-- Removes all that the index holds of a person, in every filling, for good. Waits for a batch that is being written, so that nothing
-- that was read before comes in after.
CREATE FUNCTION search.forget(person uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation uuid := accompany.current_organisation();
    removed bigint;
BEGIN
    IF organisation IS NULL THEN
        RAISE EXCEPTION 'accompany.organisation is not set in this transaction';
    END IF;
    PERFORM FROM search.fillings f ORDER BY f.filling FOR UPDATE;
    INSERT INTO search.forgotten (organisation_id, person_id) VALUES (organisation, person) ON CONFLICT DO NOTHING;
    DELETE FROM search.terms t WHERE t.organisation_id = organisation AND t.person_id = person;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;

REVOKE ALL ON FUNCTION search.candidates(tsquery, bytea, uuid, uuid[], integer), search.forget(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search.candidates(tsquery, bytea, uuid, uuid[], integer) TO accompany_service;
GRANT EXECUTE ON FUNCTION search.forget(uuid) TO accompany_service;
