-- Snapshots: a stream's state at a version, sealed like its events. They only save time and may be lost or thrown away.

CREATE TABLE accompany.snapshots (
    organisation_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 0),
    topic text NOT NULL,
    schema_version integer NOT NULL CHECK (schema_version > 0),
    state bytea NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (organisation_id, stream_id, version)
);

ALTER TABLE accompany.snapshots ENABLE ROW LEVEL SECURITY;
ALTER TABLE accompany.snapshots FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON accompany.snapshots TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY worker_sees_all ON accompany.snapshots FOR SELECT TO accompany_worker USING (true);
CREATE POLICY service_sees_its_organisation ON accompany.snapshots FOR SELECT TO accompany_service
    USING (organisation_id = accompany.current_organisation());
GRANT SELECT ON accompany.snapshots TO accompany_service, accompany_worker;

CREATE FUNCTION accompany.keep_snapshots(
    stream_ids uuid[], versions integer[], topics text[], schema_versions integer[], states bytea[]
) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO accompany.snapshots (organisation_id, stream_id, version, topic, schema_version, state)
    SELECT accompany.current_organisation(), s.*
    FROM unnest(stream_ids, versions, topics, schema_versions, states) AS s;
$$;
REVOKE ALL ON FUNCTION accompany.keep_snapshots(uuid[], integer[], text[], integer[], bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accompany.keep_snapshots(uuid[], integer[], text[], integer[], bytea[]) TO accompany_service;

-- How far a reader of the log has come, for readers behind eventsourcing's tracking interface. One row for each reader.
CREATE TABLE accompany.tracking (
    application_name text PRIMARY KEY,
    notification_id bigint NOT NULL
);
GRANT SELECT ON accompany.tracking TO accompany_service, accompany_worker;

-- Moves a reader forward; false, and nothing moved, if it was there or further already.
CREATE FUNCTION accompany.track(reader text, reached bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO accompany.tracking AS t (application_name, notification_id) VALUES (reader, reached)
    ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id
    WHERE t.notification_id < excluded.notification_id;
    RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION accompany.track(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accompany.track(text, bigint) TO accompany_service, accompany_worker;
