-- The events, in one total order. No foreign key to organisations: it would lock and look up a row for each event, and whoever
-- appends was found through the organisation's own rows a moment before.

CREATE TABLE accompany.events (
    position bigint PRIMARY KEY CHECK (position > 0),
    organisation_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 0),
    topic text NOT NULL,
    schema_version integer NOT NULL CHECK (schema_version > 0),
    state bytea NOT NULL,
    actor_id uuid NOT NULL,
    purpose text,
    occurred_on date,
    occurred_at timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    command_key text NOT NULL,
    trace_id text,
    UNIQUE (organisation_id, stream_id, version)
);

ALTER TABLE accompany.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE accompany.events FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON accompany.events TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY worker_sees_all ON accompany.events FOR SELECT TO accompany_worker USING (true);
CREATE POLICY service_sees_its_organisation ON accompany.events FOR SELECT TO accompany_service
    USING (organisation_id = accompany.current_organisation());
GRANT SELECT ON accompany.events TO accompany_service, accompany_worker;

CREATE FUNCTION accompany.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed and never removed: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER events_stay_as_recorded
    BEFORE UPDATE OR DELETE OR TRUNCATE ON accompany.events
    FOR EACH STATEMENT EXECUTE FUNCTION accompany.refuse_change();
-- ALWAYS: it fires for a session that pretends to be a replica, too.
ALTER TABLE accompany.events ENABLE ALWAYS TRIGGER events_stay_as_recorded;

-- One row for each command that was recorded, by its idempotency key. `attempt_id` tells an append that is sent again because
-- its acknowledgement was lost from another request under the same key.
CREATE TABLE accompany.commands (
    organisation_id uuid NOT NULL,
    actor_id uuid NOT NULL,
    key text NOT NULL,
    request_digest bytea NOT NULL,
    position bigint NOT NULL,
    answer bytea NOT NULL,
    attempt_id uuid NOT NULL,
    PRIMARY KEY (organisation_id, actor_id, key)
);

ALTER TABLE accompany.commands ENABLE ROW LEVEL SECURITY;
ALTER TABLE accompany.commands FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON accompany.commands TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY worker_sees_all ON accompany.commands FOR SELECT TO accompany_worker USING (true);
CREATE POLICY service_sees_its_organisation ON accompany.commands FOR SELECT TO accompany_service
    USING (organisation_id = accompany.current_organisation());
GRANT SELECT ON accompany.commands TO accompany_service, accompany_worker;

-- The head of the whole log, which row-level security would hide from the service. It tells how many events there are, no more.
CREATE FUNCTION accompany.last_position() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN (SELECT coalesce(max(position), 0) FROM accompany.events);
REVOKE ALL ON FUNCTION accompany.last_position() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accompany.last_position() TO accompany_service, accompany_worker;
