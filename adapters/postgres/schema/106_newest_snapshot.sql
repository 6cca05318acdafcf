-- Of a stream that keeps only its newest snapshot, this is the one. It takes the place of whatever was kept before, also of one that
-- claims a later version: that one was found unusable, or another process will simply take it again.
CREATE FUNCTION accompany.keep_newest_snapshot(stream uuid, reached integer, shape text, sealed bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM accompany.snapshots s
    WHERE s.organisation_id = accompany.current_organisation() AND s.stream_id = stream AND s.version <> reached;
    INSERT INTO accompany.snapshots AS s (organisation_id, stream_id, version, topic, schema_version, state)
    VALUES (accompany.current_organisation(), stream, reached, shape, 1, sealed)
    ON CONFLICT (organisation_id, stream_id, version) DO UPDATE SET
        topic = excluded.topic, schema_version = 1, state = excluded.state, taken_at = clock_timestamp();
$$;
REVOKE ALL ON FUNCTION accompany.keep_newest_snapshot(uuid, integer, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accompany.keep_newest_snapshot(uuid, integer, text, bytea) TO accompany_service;
